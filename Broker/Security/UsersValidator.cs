using Broker.Configuration;
using Microsoft.Extensions.Options;

namespace Broker.Security;

/// <summary>
/// Checks <see cref="BrokerOptions.Users"/>. Beside the validator of the other options, since it reads hashes; neither hides the
/// other's failures.
/// </summary>
internal sealed class UsersValidator : IValidateOptions<BrokerOptions>
{
    public ValidateOptionsResult Validate(string? name, BrokerOptions options)
    {
        var checks = new SettingChecks();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < options.Users.Count; i++)
        {
            CheckLogin(checks, i, options.Users[i]?.Login, seen);
            CheckHash(checks, $"Users:{i}:PasscodeHash", options.Users[i]?.PasscodeHash);
        }

        return checks.Result;
    }

    private static void CheckLogin(SettingChecks checks, int index, string? login, Dictionary<string, int> seen)
    {
        string path = $"Users:{index}:Login";
        if (string.IsNullOrEmpty(login))
            checks.Fail(path, login, "set the name that the user gives as login.");
        else if (login.Any(char.IsControl))
            checks.Fail(path, login, "it must have no control characters.");
        else if (login.Trim() != login)
            // STOMP 1.0 trims values: nobody could log in with it.
            checks.Fail(path, login, "it must have no spaces at its ends.");
        else if (!seen.TryAdd(login, index))
            checks.Fail(path, login, $"{SettingChecks.Name($"Users:{seen[login]}:Login")} is the same. Every login must be there once only.");
    }

    private static void CheckHash(SettingChecks checks, string path, string? hash)
    {
        if (string.IsNullOrEmpty(hash))
            checks.FailUnseen(path, $"is empty; set {HowTo}.");
        else if (!PasscodeHash.TryParse(hash, out _))
            // Not shown: it may be the passcode itself.
            checks.FailUnseen(path, $"is not a passcode hash (its value is not shown); set {HowTo}: "
                + $"pbkdf2-sha256$ITERATIONS$SALT$HASH with {PasscodeHash.MinIterations} to {PasscodeHash.MaxIterations} iterations.");
    }

    private const string HowTo = "what \"" + HashPasscodeCommand.CommandLine + "\" prints";
}
