using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Comparison.Servers;

/// <summary>The broker of this repository, as it was built with this program, or another build of it.</summary>
internal sealed class OurBroker(bool isTls, string program) : Server
{
    private const string Passphrase = "of a minute";

    public override string Key => isTls ? "stompbroker-wss" : "stompbroker";

    public override string Title => isTls ? "StompBroker, wss" : "StompBroker";

    public override bool IsOurs => true;

    public override bool IsTls => isTls;

    public override string? HowToInstall => File.Exists(program) ? null : $"{program} is not there: dotnet build -c Release Broker";

    /// <summary>Where the build put it: beside this program's own, in the same configuration.</summary>
    public static string Built
    {
        get
        {
            var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(System.IO.Path.DirectorySeparatorChar));
            string configuration = own.Parent!.Name;
            DirectoryInfo root = own.Parent.Parent!.Parent!.Parent!.Parent!;
            string name = OperatingSystem.IsWindows() ? "Broker.exe" : "Broker";
            return System.IO.Path.Combine(root.FullName, "Broker", "bin", configuration, own.Name, name);
        }
    }

    public override Launch Prepare(string folder, int port)
    {
        List<string> arguments = ["--urls", $"{(isTls ? "https" : "http")}://127.0.0.1:{port}", "--Logging:LogLevel:Default=Warning"];
        if (isTls)
        {
            string file = System.IO.Path.Combine(folder, "certificate.pfx");
            File.WriteAllBytes(file, SelfSigned());
            arguments.Add($"--Kestrel:Certificates:Default:Path={file}");
            arguments.Add($"--Kestrel:Certificates:Default:Password={Passphrase}");
        }

        return new Launch(program, arguments);
    }

    private static byte[] SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return certificate.Export(X509ContentType.Pfx, Passphrase);
    }
}
