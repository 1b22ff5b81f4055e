using System.Net;
using Broker.Configuration;
using Microsoft.AspNetCore.Http;

namespace Broker.Security;

/// <summary>
/// Safe by default: a broker that accepts any login listens on loopback only. Pure functions over addresses as servers report them.
/// </summary>
internal static class ListenRule
{
    /// <summary>
    /// Whether only this machine can reach all of them. Unix sockets and named pipes count as loopback; no address at all means
    /// that nothing listens on a network. What cannot be read counts as reachable.
    /// </summary>
    public static bool AllLoopback(IEnumerable<string> addresses) => addresses.All(IsLoopback);

    /// <summary>Why a broker with these options must not listen on these addresses, and which setting to add; null when it may.</summary>
    public static string? Refusal(IEnumerable<string> addresses, BrokerOptions options)
    {
        if (options.Users.Count > 0 || options.AllowAnonymous)
            return null;
        string[] reachable = [.. addresses.Where(static address => !IsLoopback(address)).Select(PrintableText.Of)];
        return reachable.Length == 0 ? null
            : $"The broker would listen on {string.Join(", ", reachable)}, where other machines can reach it, and let anybody in, "
            + "since no users are configured. Do one of these: add users (Broker:Users:0:Login, and Broker:Users:0:PasscodeHash as printed by "
            + $"\"{HashPasscodeCommand.CommandLine}\"); or set Broker:AllowAnonymous=true if anybody may connect; "
            + "or listen on loopback only (--urls http://localhost:15674).";
    }

    private static bool IsLoopback(string address)
    {
        try
        {
            BindingAddress binding = BindingAddress.Parse(address);
            // Kestrel binds every other host name to all interfaces, whatever it resolves to.
            return binding.IsUnixPipe || binding.IsNamedPipe
                || binding.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                || (IPAddress.TryParse(binding.Host, out IPAddress? ip) && IPAddress.IsLoopback(ip));
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
