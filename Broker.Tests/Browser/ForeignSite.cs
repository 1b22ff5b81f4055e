using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Browser;

/// <summary>A web site of its own origin on this machine: one page, and the JavaScript clients in Browser/lib.</summary>
internal sealed class ForeignSite : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ForeignSite(WebApplication app) => _app = app;

    public string Url => _app.Urls.Single();

    public static async Task<ForeignSite> StartAsync(string body = "")
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        WebApplication app = builder.Build();
        string page = $"<!DOCTYPE html><html><head><link rel=\"icon\" href=\"data:,\"><title>Test</title></head><body>{body}</body></html>";
        app.MapGet("/", () => Results.Content(page, "text/html"));
        app.MapGet("/lib/{**path}", (string path) => Results.File(Path.Combine(AppContext.BaseDirectory, "Browser", "lib", path), "text/javascript"));
        await app.StartAsync();
        return new ForeignSite(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
