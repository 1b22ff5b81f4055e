using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.Net.Http.Headers;

namespace Broker.Endpoints;

/// <summary>
/// A file of the console page or of the JavaScript library beside it. They are resources of the assembly: an application that
/// references it may have a <c>wwwroot</c> of its own.
/// </summary>
internal sealed class ConsoleAsset
{
    public const string PagePath = "/";

    private const string Root = "wwwroot/";
    private const string Library = "/lib/";
    private const string CurrentLibrary = "/lib/stompjs/7.5.0/";
    private const string ShortLibraryName = "stomp.umd.min.js";

    // Stands in the page where the path of the STOMP endpoint belongs.
    private const string EndpointMark = "{{endpoint}}";

    // Read when it is first asked for: most brokers never are.
    private readonly Lazy<(byte[] Bytes, EntityTagHeaderValue Tag)> _content;

    private ConsoleAsset(string path, string name, Func<byte[]> read)
    {
        Path = path;
        ContentType = TypeOf(name);
        _content = new(() =>
        {
            byte[] bytes = read();
            return (bytes, TagOf(bytes));
        });
    }

    /// <summary>Where it is served.</summary>
    public string Path { get; }

    public byte[] Content => _content.Value.Bytes;

    public string ContentType { get; }

    public EntityTagHeaderValue Tag => _content.Value.Tag;

    /// <summary>Part of the page itself, and not of the library that pages of other origins may load.</summary>
    public bool IsOfPage => !IsVersioned && !Path.EndsWith(ShortLibraryName, StringComparison.Ordinal);

    /// <summary>The version is in the path, so that what is there never changes.</summary>
    public bool IsVersioned => Path.StartsWith(Library, StringComparison.Ordinal);

    /// <summary>All of them; the page knows <paramref name="endpoint"/>, the path of the STOMP endpoint.</summary>
    public static IEnumerable<ConsoleAsset> Load(string endpoint)
    {
        foreach (string resource in typeof(ConsoleAsset).Assembly.GetManifestResourceNames())
        {
            // What is built on Windows has its separators in the name.
            string name = resource.Replace('\\', '/');
            if (!name.StartsWith(Root, StringComparison.Ordinal))
                continue;
            string path = name[(Root.Length - 1)..];
            if (path == "/index.html")
                yield return new ConsoleAsset(PagePath, path, () => Encoding.UTF8.GetBytes(Fill(Read(resource), endpoint)));
            else
                yield return new ConsoleAsset(path, path, () => Read(resource));
            if (path == CurrentLibrary + ShortLibraryName)
                yield return new ConsoleAsset("/" + ShortLibraryName, path, () => Read(resource));
        }
    }

    private static EntityTagHeaderValue TagOf(byte[] bytes) => new($"\"{Base64Url.EncodeToString(SHA256.HashData(bytes).AsSpan(0, 12))}\"");

    private static string Fill(byte[] page, string endpoint) =>
        Encoding.UTF8.GetString(page).Replace(EndpointMark, HtmlEncoder.Default.Encode(endpoint), StringComparison.Ordinal);

    private static byte[] Read(string resource)
    {
        using Stream stream = typeof(ConsoleAsset).Assembly.GetManifestResourceStream(resource)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static string TypeOf(string name) => System.IO.Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
}
