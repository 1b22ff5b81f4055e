using System.Text.Unicode;

namespace Broker.Transports.WebSockets;

/// <summary>
/// Validates UTF-8 that comes in pieces cut anywhere, and refuses at the first byte after which no continuation could be
/// valid (RFC 3629, section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF). A mutable struct: a field, never copied.
/// </summary>
internal struct Utf8Validator
{
    // Of a sequence that the last piece began: how many bytes are still due, and the bounds of the next one.
    private byte _due;
    private byte _low;
    private byte _high;

    /// <summary>No sequence is unfinished.</summary>
    public readonly bool IsComplete => _due == 0;

    /// <summary>False when the bytes, after those before them, cannot be the start of valid UTF-8.</summary>
    public bool TryAccept(ReadOnlySpan<byte> bytes)
    {
        while (_due != 0)
        {
            if (bytes.IsEmpty)
                return true;
            if (!TryAccept(bytes[0]))
                return false;
            bytes = bytes[1..];
        }

        var whole = bytes.Length - UnfinishedTail(bytes);
        if (!Utf8.IsValid(bytes[..whole]))
            return false;

        foreach (var b in bytes[whole..])
        {
            if (!TryAccept(b))
                return false;
        }

        return true;
    }

    /// <summary>Bytes at the end that begin a sequence and do not finish it; whether they are valid is left open.</summary>
    private static int UnfinishedTail(ReadOnlySpan<byte> bytes)
    {
        for (var n = 1; n <= 3 && n <= bytes.Length; n++)
        {
            var b = bytes[^n];
            if (b < 0x80)
                return 0;
            if (b >= 0xC0)
                return n < (b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4) ? n : 0;
        }

        return 0;
    }

    /// <summary>The table of RFC 3629, section 4: the lead byte decides the number of bytes and the bounds of the second.</summary>
    private bool TryAccept(byte b)
    {
        if (_due != 0)
        {
            if (b < _low || b > _high)
                return false;
            (_due, _low, _high) = ((byte)(_due - 1), 0x80, 0xBF);
            return true;
        }

        if (b < 0x80)
            return true;

        var (due, low, high) = b switch
        {
            < 0xC2 => (0, 0, 0),
            < 0xE0 => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF),
            0xED => (2, 0x80, 0x9F),
            < 0xF0 => (2, 0x80, 0xBF),
            0xF0 => (3, 0x90, 0xBF),
            < 0xF4 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            _ => (0, 0, 0),
        };
        (_due, _low, _high) = ((byte)due, (byte)low, (byte)high);
        return _due != 0;
    }
}
