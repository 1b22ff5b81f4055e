using Broker.Messaging;

namespace Broker.Sessions;

// Ids 100 to 199. Frames are logged by command and destination only: headers may hold credentials.
internal sealed partial class Session
{
    [LoggerMessage(100, LogLevel.Information, "Session {Session}: {User} connected from {Peer} with STOMP {Version}")]
    private static partial void LogConnected(ILogger logger, string session, string user, string peer, string version);

    [LoggerMessage(101, LogLevel.Information, "Session {Session}: {User} from {Peer} ended: {Reason}")]
    private static partial void LogEnded(ILogger logger, string session, string user, string peer, string reason);

    [LoggerMessage(102, LogLevel.Warning, "Session {Session}: {User} from {Peer} refused: {Error}")]
    private static partial void LogRefused(ILogger logger, string session, string user, string peer, string error);

    [LoggerMessage(103, LogLevel.Warning, "Session {Session}: {User} from {Peer} was a slow consumer (settings: Broker:Limits:OutboxBytes, Broker:Topics)")]
    private static partial void LogSlowConsumer(ILogger logger, string session, string user, string peer);

    [LoggerMessage(104, LogLevel.Error, "Session {Session}: a fault of the broker")]
    private static partial void LogFault(ILogger logger, Exception exception, string session);

    [LoggerMessage(105, LogLevel.Trace, "Session {Session}: {Command} {Destination} ({Bytes} bytes)")]
    private static partial void LogFrame(ILogger logger, string session, string command, string destination, long bytes);

    [LoggerMessage(106, LogLevel.Warning, "Session {Session}: {User} from {Peer} refused: {Error} (setting: {Setting})")]
    private static partial void LogRefusedBySetting(ILogger logger, string session, string user, string peer, string error, string setting);

    [LoggerMessage(106, LogLevel.Trace, "Session {Session}: sent {Command} ({Frames} frames, {Bytes} bytes)")]
    private static partial void LogSent(ILogger logger, string session, string command, int frames, long bytes);

    private void LogConnected(string session, string? user, string peer, string version) =>
        LogConnected(_environment.Log, session, Safe(user), peer, version);

    private void LogFault(Exception exception, string session) => LogFault(_environment.Log, exception, session);

    /// <summary>Logs and counts the end, once the transport has closed.</summary>
    public void LogEnd()
    {
        CloseReason reason = CloseReason;
        Stomp.StompError error = CloseError;
        string what = error == Stomp.StompError.None ? reason.Text() : Stomp.StompErrors.Get(error).Message;
        if (reason == CloseReason.SlowConsumer)
            LogSlowConsumer(_environment.Log, Id, Safe(UserName), Peer);
        else if (RefusalSettings.Of(reason, error, _clock.IsLoggedIn) is { } setting)
            LogRefusedBySetting(_environment.Log, Id, Safe(UserName), Peer, what, setting);
        else if (error != Stomp.StompError.None || reason.IsRefusal())
            LogRefused(_environment.Log, Id, Safe(UserName), Peer, what);
        LogEnded(_environment.Log, Id, Safe(UserName), Peer, reason.Text());
        _environment.Metrics.ConnectionClosed(reason.Text());
    }

    /// <summary>A name of the client's choosing, fit for a log line.</summary>
    private static string Safe(string? user)
    {
        if (string.IsNullOrEmpty(user))
            return "anonymous";
        string safe = string.Concat(user.Take(64).Select(c => char.IsControl(c) ? '?' : c));
        return $"'{safe}'";
    }
}
