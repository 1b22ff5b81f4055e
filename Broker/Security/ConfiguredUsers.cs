using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Broker.Configuration;
using Microsoft.Extensions.Options;

namespace Broker.Security;

/// <summary>
/// Checks login and passcode against <see cref="BrokerOptions.Users"/>; accepts everybody when there are none. Thread-safe.
/// </summary>
/// <remarks>
/// A verification is slow on purpose. Therefore few run at a time, on the thread pool, and the passcode that was right is
/// remembered under a keyed hash: when ten thousand clients of one user reconnect, one of them pays. A login that does not
/// exist costs what one that exists does, so that time does not tell which there are.
/// </remarks>
internal sealed partial class ConfiguredUsers
{
    private readonly Dictionary<string, User> _users;
    private readonly PasscodeHash[] _decoys;
    private readonly Lazy<byte[]> _key = new(static () => RandomNumberGenerator.GetBytes(32)); // without users nothing loads the cryptography's libraries
    private readonly TaskScheduler _fewAtATime;
    private readonly Func<PasscodeHash, string, bool> _verify;
    private readonly ILogger _logger;

    /// <summary>Takes the users of the options, which must have been validated.</summary>
    public ConfiguredUsers(IOptions<BrokerOptions> options, ILogger<ConfiguredUsers> logger)
        : this(options.Value, logger, static (hash, passcode) => hash.Verify(passcode), Math.Max(1, Environment.ProcessorCount - 1))
    {
    }

    internal ConfiguredUsers(BrokerOptions options, ILogger logger, Func<PasscodeHash, string, bool> verify, int verificationsAtATime)
    {
        _users = options.Users.Select(static user => new User(user)).ToDictionary(static user => user.Login, StringComparer.Ordinal);
        _decoys = [.. _users.Values.Select(static user => PasscodeHash.Decoy(user.Hash.Iterations))];
        _fewAtATime = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, verificationsAtATime).ConcurrentScheduler;
        _verify = verify;
        _logger = logger;
    }

    /// <summary>Whether no users are configured, so that any login is accepted.</summary>
    public bool AcceptAnyLogin => _users.Count == 0;

    /// <summary>
    /// Whether the client may go on, and under which name. Without configured users that is the login it gave, if any.
    /// </summary>
    public ValueTask<Authentication> AuthenticateAsync(string? login, string? passcode, CancellationToken cancellationToken)
    {
        if (AcceptAnyLogin)
            return new(Authentication.As(string.IsNullOrEmpty(login) ? null : login));
        if (string.IsNullOrEmpty(login) || string.IsNullOrEmpty(passcode))
        {
            LogIncomplete(_logger);
            return new(Authentication.Refused);
        }

        byte[] proof = Proof(login, passcode);
        User? user = _users.GetValueOrDefault(login);
        return user is not null && user.HasProven(proof)
            ? new(Authentication.As(user.Login))
            : VerifyAsync(user, login, passcode, proof, cancellationToken);
    }

    private async ValueTask<Authentication> VerifyAsync(User? user, string login, string passcode, byte[] proof, CancellationToken cancellationToken)
    {
        PasscodeHash hash = user?.Hash ?? DecoyFor(login);
        // While this one waited for its turn, another client of the same user may have paid.
        // Its task leaves the queue only when its turn comes, and is then skipped: the client waits no longer than it wants to.
        bool right = await Task.Factory.StartNew(() => (user?.HasProven(proof) ?? false) || VerifyAndRemember(), cancellationToken,
            TaskCreationOptions.DenyChildAttach, _fewAtATime).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (user is null || !right)
        {
            LogRefused(_logger, PrintableText.Of(login), user is null ? "there is no such user" : "the passcode is wrong");
            return Authentication.Refused;
        }

        return Authentication.As(user.Login);

        bool VerifyAndRemember()
        {
            if (!_verify(hash, passcode))
                return false;
            user?.Remember(proof);
            return true;
        }
    }

    // Users may differ in cost: which of the costs an unknown login has is fixed, yet not to be foreseen.
    private PasscodeHash DecoyFor(string login) =>
        _decoys[BinaryPrimitives.ReadUInt32LittleEndian(Proof(login, "")) % (uint)_decoys.Length];

    private byte[] Proof(string login, string passcode)
    {
        // The length in front: no two pairs of login and passcode are one text.
        int loginBytes = Encoding.UTF8.GetByteCount(login);
        byte[] text = new byte[sizeof(int) + loginBytes + Encoding.UTF8.GetByteCount(passcode)];
        BinaryPrimitives.WriteInt32LittleEndian(text, loginBytes);
        Encoding.UTF8.GetBytes(login, text.AsSpan(sizeof(int)));
        Encoding.UTF8.GetBytes(passcode, text.AsSpan(sizeof(int) + loginBytes));
        return HMACSHA256.HashData(_key.Value, text);
    }

    private sealed class User
    {
        // A user has one passcode, so one proof is all there is to remember.
        private volatile byte[]? _proof;

        public User(UserOptions options)
        {
            Login = options.Login;
            Hash = PasscodeHash.TryParse(options.PasscodeHash, out PasscodeHash? hash)
                ? hash
                : throw new ArgumentException("A passcode hash is not valid.", nameof(options));
        }

        public string Login { get; }

        public PasscodeHash Hash { get; }

        public bool HasProven(byte[] proof) => _proof is { } proven && CryptographicOperations.FixedTimeEquals(proven, proof);

        public void Remember(byte[] proof) => _proof = proof;
    }
}
