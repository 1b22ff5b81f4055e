using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Broker.Tests.Endpoints;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Transports;

/// <summary>The stand-alone program's output goes straight into the socket, and TLS sits above it.</summary>
public class TlsTests
{
    [Fact]
    public async Task The_program_serves_wss_by_Kestrels_own_configuration()
    {
        string file = Path.GetTempFileName();
        try
        {
            using X509Certificate2 certificate = WriteCertificate(file);
            await using WebApplication app = Program.Build(
                ["--urls=https://127.0.0.1:0", $"--Kestrel:Certificates:Default:Path={file}", "--Kestrel:Certificates:Default:Password=test"],
                builder => builder.Logging.ClearProviders());
            await app.StartAsync(TestContext.Current.CancellationToken);
            using var socket = new ClientWebSocket();
            string expected = certificate.GetCertHashString();
            socket.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.GetCertHashString() == expected;
            await socket.ConnectAsync(new UriBuilder(app.Urls.Single()) { Scheme = "wss", Path = "/ws" }.Uri, TestContext.Current.CancellationToken);
            using var client = new NetClient(socket);

            await client.SendAsync("CONNECT\naccept-version:1.2\nhost:h\n\n\0");
            (await client.ReadAsync()).Should().StartWith("CONNECTED\n");
            await client.SubscribeAsync("/topic/a");
            for (int i = 0; i < 50; i++)
                await client.SendAsync($"SEND\ndestination:/topic/a\n\n{new string((char)('a' + (i % 26)), 50_000)}\0");
            for (int i = 0; i < 50; i++)
                (await client.ReadAsync()).Should().EndWith($"\n\n{new string((char)('a' + (i % 26)), 50_000)}\0");
            await client.SendAsync("FOO\n\n\0");
            (await client.ReadAsync()).Should().StartWith("ERROR\nmessage:unknown command\n");
            (await client.ReadAsync()).Should().Be("CLOSE 1002");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static X509Certificate2 WriteCertificate(string file)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllBytes(file, certificate.Export(X509ContentType.Pkcs12, "test"));
        return certificate;
    }
}
