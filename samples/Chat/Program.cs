using System.Security.Claims;
using Broker.Endpoints;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;

const string Scheme = CookieAuthenticationDefaults.AuthenticationScheme;

// The page lies beside the program, from wherever that is started.
WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.WebHost.UseStaticWebAssets();
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
    builder.WebHost.UseUrls("http://localhost:5081");

builder.Services.AddStompBroker();
builder.Services.AddAuthorization();
builder.Services.AddAuthentication(Scheme).AddCookie(cookie =>
{
    cookie.Cookie.Name = "chat";
    cookie.Cookie.SameSite = SameSiteMode.Strict;

    // There is no page to redirect to: the one page shows its login itself.
    cookie.Events.OnRedirectToLogin = context =>
    {
        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    };
});

WebApplication app = builder.Build();
app.Use((context, next) =>
{
    context.Response.Headers.ContentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    return next(context);
});
app.UseDefaultFiles();
app.UseRouting();
app.UseAuthentication();
app.UseAuthorization();
app.MapStaticAssets();

// The user of the request that opens the WebSocket becomes the session's user, and the `user-id` of all that it sends.
app.MapStompBroker("/ws").RequireAuthorization();

app.MapPost("/login", async (Login login, StompBroker broker, HttpContext http) =>
{
    string name = login.Name?.Trim() ?? "";
    if (name.Length is 0 or > 24 || !name.All(character => char.IsLetterOrDigit(character) || character is ' ' or '-' or '_' or '.'))
        return Results.Text("A name has 1 to 24 letters, digits, spaces, or one of - _ .", statusCode: StatusCodes.Status400BadRequest);
    if (NamesHere(broker).Contains(name, StringComparer.OrdinalIgnoreCase))
        return Results.Text($"{name} is here already. Take another name.", statusCode: StatusCodes.Status409Conflict);
    await http.SignInAsync(Scheme, new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, name)], Scheme)));
    return Results.NoContent();
});

app.MapPost("/logout", async (StompBroker broker, HttpContext http) =>
{
    await http.SignOutAsync(Scheme);
    broker.Disconnect(http.User.Identity!.Name!);
    return Results.NoContent();
}).RequireAuthorization();

app.MapGet("/here", (StompBroker broker, ClaimsPrincipal user) => user.Identity?.Name is { } me ? Results.Ok(new Here(me, NamesHere(broker))) : Results.NoContent());

app.Lifetime.ApplicationStarted.Register(() => Console.WriteLine($"The chat is open: {string.Join(", ", app.Urls)}"));
app.Run();

static string[] NamesHere(StompBroker broker) => [.. broker.Sessions.Select(session => session.User).OfType<string>().Distinct().Order()];

/// <summary>The body of POST /login. JSON, which a page of another origin cannot send unasked.</summary>
internal sealed record Login(string? Name);

/// <summary>What GET /here tells: who asks, and the names of all who are connected.</summary>
internal sealed record Here(string Me, string[] Names);
