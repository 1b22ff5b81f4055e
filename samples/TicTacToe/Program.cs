using Broker.Configuration;
using Broker.Endpoints;
using TicTacToe;

// The page lies beside the program, from wherever that is started.
WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.WebHost.UseStaticWebAssets();
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
    builder.WebHost.UseUrls("http://localhost:5082");

// Who floods a game loses messages; neither the referee nor anybody else is cut off for it.
builder.Services.AddStompBroker(options => options.Topics.Add(new TopicOptions { Pattern = "/topic/tictactoe.#", SlowSubscriber = SlowSubscriberPolicy.DropOldest }));
builder.Services.AddHostedService<Referee>();

WebApplication app = builder.Build();
app.UseDefaultFiles();
app.UseRouting();
app.MapStaticAssets();
app.MapStompBroker("/ws");
app.Lifetime.ApplicationStarted.Register(() => Console.WriteLine($"Play at {string.Join(", ", app.Urls)}"));
app.Run();
