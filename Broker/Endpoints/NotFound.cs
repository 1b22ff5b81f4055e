using System.Text;
using Microsoft.AspNetCore.Http;

namespace Broker.Endpoints;

/// <summary>What the stand-alone broker says where there is nothing: a text that tells where something is, and the end of the connection.</summary>
internal static class NotFound
{
    private static readonly byte[] Text = Encoding.ASCII.GetBytes("There is nothing at this path. The console is at /, and STOMP clients connect to /ws, or what Broker:Path says.\n");

    public static async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        await next(context).ConfigureAwait(false);
        if (context.Response is not { StatusCode: StatusCodes.Status404NotFound, HasStarted: false } response)
            return;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = Text.Length;
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
            response.Headers.Connection = "close";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(Text, context.RequestAborted).ConfigureAwait(false);
    }
}
