using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Security;

/// <summary>
/// The salted hash of a passcode, written <c>pbkdf2-sha256$ITERATIONS$SALT$HASH</c> with salt (16 bytes) and hash (32 bytes) in
/// base64. Immutable. <c>ToString</c> does not show it, so that it reaches no log by accident.
/// </summary>
internal sealed class PasscodeHash
{
    /// <summary>
    /// Iterations of a new hash: OWASP's Password Storage Cheat Sheet for PBKDF2-HMAC-SHA256 (210,000 is its figure for SHA-512).
    /// </summary>
    public const int DefaultIterations = 600_000;

    /// <summary>Fewest iterations accepted: what NIST SP 800-63B asks for at least.</summary>
    public const int MinIterations = 10_000;

    /// <summary>Most iterations accepted: a few seconds of one core, within the login time-out.</summary>
    public const int MaxIterations = 10_000_000;

    private const string Scheme = "pbkdf2-sha256";
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    private readonly byte[] _salt;
    private readonly byte[] _hash;

    private PasscodeHash(int iterations, byte[] salt, byte[] hash)
    {
        Iterations = iterations;
        _salt = salt;
        _hash = hash;
    }

    /// <summary>What one verification costs.</summary>
    public int Iterations { get; }

    /// <summary>Hashes a passcode with a new random salt.</summary>
    public static PasscodeHash Create(string passcode, int iterations = DefaultIterations)
    {
        ArgumentException.ThrowIfNullOrEmpty(passcode);
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, MinIterations);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(iterations, MaxIterations);
        byte[] salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return new PasscodeHash(iterations, salt, Compute(passcode, salt, iterations));
    }

    /// <summary>A hash that no passcode has, and that takes as long to find out as a real one.</summary>
    public static PasscodeHash Decoy(int iterations) =>
        new(iterations, RandomNumberGenerator.GetBytes(SaltBytes), RandomNumberGenerator.GetBytes(HashBytes));

    /// <summary>Reads the written form; anything but exactly what <see cref="Format"/> writes is refused.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PasscodeHash? hash)
    {
        hash = null;
        string[] parts = (text ?? "").Split('$');
        if (parts.Length != 4 || parts[0] != Scheme
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int iterations)
            || iterations is < MinIterations or > MaxIterations
            || !TryDecode(parts[2], SaltBytes, out byte[] salt) || !TryDecode(parts[3], HashBytes, out byte[] bytes))
            return false;
        var parsed = new PasscodeHash(iterations, salt, bytes);
        // One written form per hash: no leading zeros, no white space and no stray bits in the base64.
        if (parsed.Format() != text)
            return false;
        hash = parsed;
        return true;
    }

    /// <summary>The written form, for <see cref="Configuration.UserOptions.PasscodeHash"/>.</summary>
    public string Format() =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}${Iterations}${Convert.ToBase64String(_salt)}${Convert.ToBase64String(_hash)}");

    /// <summary>Whether this is the passcode; the time it takes does not depend on how much of it is right.</summary>
    public bool Verify(string passcode) => CryptographicOperations.FixedTimeEquals(Compute(passcode, _salt, Iterations), _hash);

    private static byte[] Compute(string passcode, byte[] salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(passcode), salt, iterations, HashAlgorithmName.SHA256, HashBytes);

    private static bool TryDecode(string text, int length, out byte[] bytes)
    {
        bytes = new byte[length];
        return Base64.IsValid(text, out int decoded) && decoded == length && Convert.TryFromBase64String(text, bytes, out _);
    }
}
