using Broker.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Broker.Endpoints;

/// <summary>What an operator's tools ask the stand-alone broker.</summary>
internal static class DiagnosticsEndpoints
{
    private static readonly string[] ReadMethods = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>
    /// <c>/health/live</c>: the process answers. <c>/health/ready</c>: clients are served; 503 while it starts and once it stops.
    /// <c>/metrics</c>: the meter as text.
    /// </summary>
    public static void MapBrokerDiagnostics(this IEndpointRouteBuilder endpoints)
    {
        ListenGuard guard = endpoints.ServiceProvider.GetRequiredService<ListenGuard>();
        BrokerMetrics metrics = endpoints.ServiceProvider.GetRequiredService<BrokerMetrics>();
        endpoints.MapMethods("/health/live", ReadMethods, static context => SayAsync(context, StatusCodes.Status200OK, "live\n"));
        endpoints.MapMethods("/health/ready", ReadMethods, context => guard.MayServe
            ? SayAsync(context, StatusCodes.Status200OK, "ready\n")
            : SayAsync(context, StatusCodes.Status503ServiceUnavailable, "starting or stopping\n"));
        endpoints.MapMethods("/metrics", ReadMethods, async context =>
        {
            using var text = new StringWriter();
            PrometheusText.Write(metrics, text);
            context.Response.ContentType = PrometheusText.ContentType;
            await context.Response.WriteAsync(text.ToString(), context.RequestAborted).ConfigureAwait(false);
        });
    }

    private static Task SayAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }
}
