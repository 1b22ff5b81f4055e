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
    // Who was cut off goes on where it was, within the last 100,000 quotes; who does not keep up gets the newest of each company.
    options.Streams.Add(new StreamOptions { Pattern = "/topic/quotes.#", Messages = 100_000 });
    options.Topics.Add(new TopicOptions { Pattern = "/topic/quotes.#", SlowSubscriber = SlowSubscriberPolicy.Conflate });
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
app.MapGet("/market", (Market market) => market.Companies());
app.MapGet("/market/{symbol}", (Market market, string symbol) => market.History(symbol) is { } history ? Results.Ok(history) : Results.NotFound());
app.Lifetime.ApplicationStarted.Register(() => Console.WriteLine($"The market is open: {string.Join(", ", app.Urls)}"));
app.Run();
