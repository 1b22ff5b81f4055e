namespace Broker.Security;

internal sealed partial class ConfiguredUsers
{
    // Event ids 300 to 399 are those of the folder Security. No passcode and no hash is ever logged.
    [LoggerMessage(300, LogLevel.Information, "Login \"{Login}\" refused: {Reason}.", EventName = "LoginRefused")]
    private static partial void LogRefused(ILogger logger, string login, string reason);

    [LoggerMessage(301, LogLevel.Information, "A client without login or without passcode was refused.", EventName = "LoginIncomplete")]
    private static partial void LogIncomplete(ILogger logger);
}
