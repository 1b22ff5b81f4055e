namespace Broker.Security;

/// <summary>The outcome of a login: refused, or accepted with the user's name where there is one.</summary>
internal readonly record struct Authentication
{
    /// <summary>Whether the client may go on.</summary>
    public bool Accepted { get; private init; }

    /// <summary>The user's name; null when refused, and for a client without a name.</summary>
    public string? UserName { get; private init; }

    /// <summary>Not let in; which of login and passcode was wrong is not told.</summary>
    public static Authentication Refused => default;

    /// <summary>Let in under this name.</summary>
    public static Authentication As(string? userName) => new() { Accepted = true, UserName = userName };
}
