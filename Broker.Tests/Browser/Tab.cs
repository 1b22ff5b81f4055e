using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Playwright;

namespace Broker.Tests.Browser;

/// <summary>One page in the browser, and what it complained about.</summary>
internal sealed class Tab : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly ConcurrentQueue<string> _complaints = new();
    private readonly ConcurrentQueue<string> _logged = new();

    public Tab(IPage page)
    {
        Page = page;
        page.Console += (_, message) => (message.Type is "error" or "warning" ? _complaints : _logged).Enqueue(message.Text);
        page.PageError += (_, error) => _complaints.Enqueue(error);
    }

    public IPage Page { get; }

    /// <summary>Errors and warnings of the console (violations of the content security policy are among them), and uncaught exceptions.</summary>
    public IEnumerable<string> Complaints => _complaints;

    /// <summary>What console.log wrote.</summary>
    public IEnumerable<string> Logged => _logged;

    public ILocator this[string selector] => Page.Locator(selector);

    /// <summary>Runs an async function of the page and gives its result; one that never settles fails.</summary>
    public async Task<JsonElement> RunAsync(string function, object? argument = null) =>
        (await Page.EvaluateAsync<JsonElement?>(function, argument).WaitAsync(Patience)) ?? default;

    public Task UntilAsync(string condition, object? argument = null) => Page.WaitForFunctionAsync(condition, argument);

    public async ValueTask DisposeAsync() => await Page.Context.DisposeAsync();
}
