using Broker.Configuration;
using Broker.Endpoints;
using TradingTicker;

// The page lies beside the program, from wherever that is started.
WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.WebHost.UseStaticWebAssets();
if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
    builder.WebHost.UseUrls("http://localhost:5080");

builder.Services.AddStompBroker(options =>
{
    // A browser that does not keep up misses the oldest quotes instead of its connection.
    options.Topics.Add(new TopicOptions { Pattern = "/topic/quotes.#", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
    options.Topics.Add(new TopicOptions { Pattern = "/topic/market.#", SlowSubscriber = SlowSubscriberPolicy.DropOldest });
});
builder.Services.AddSingleton(provider => new Market(Listings.All, seed: 1, provider.GetRequiredService<TimeProvider>()));
builder.Services.AddHostedService<QuoteFeed>();
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, TickerJson.Default));

WebApplication app = builder.Build();
app.UseDefaultFiles();
app.UseRouting();
app.MapStaticAssets();
app.MapStompBroker("/ws");
app.MapGet("/market", (Market market) => market.Snapshot());
app.MapGet("/market/{symbol}", (Market market, string symbol) => market.History(symbol) is { } history ? Results.Ok(history) : Results.NotFound());
app.Lifetime.ApplicationStarted.Register(() => Console.WriteLine($"The market is open: {string.Join(", ", app.Urls)}"));
app.Run();
