namespace Broker.Stomp;

/// <summary>One header, decoded: unescaped as its version has it, without the line end, and in 1.0 without the spaces around it.</summary>
public readonly ref struct StompHeader
{
    internal StompHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Name = name;
        Value = value;
    }

    /// <summary>The name, never empty; valid UTF-8.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>The value, possibly empty; valid UTF-8.</summary>
    public ReadOnlySpan<byte> Value { get; }
}

/// <summary>
/// The headers of a frame in the order received. Of headers with one name the first counts (STOMP 1.2, "Repeated Header Entries");
/// the others are still listed.
/// </summary>
public readonly ref struct StompHeaders
{
    private readonly ReadOnlySpan<byte> _block;
    private readonly ReadOnlySpan<byte> _decoded;
    private readonly ReadOnlySpan<HeaderRange> _ranges;

    // The marks of all names: most look-ups are for what is not there.
    private readonly ulong _marks;

    internal StompHeaders(ReadOnlySpan<byte> block, ReadOnlySpan<byte> decoded, ReadOnlySpan<HeaderRange> ranges, ulong marks)
    {
        _marks = marks;
        _block = block;
        _decoded = decoded;
        _ranges = ranges;
    }

    /// <summary>How many headers there are, repeats included.</summary>
    public int Count => _ranges.Length;

    /// <summary>The header at a place. Throws <see cref="IndexOutOfRangeException"/> outside 0 to <see cref="Count"/> - 1.</summary>
    public StompHeader this[int i]
    {
        get
        {
            ref readonly HeaderRange range = ref _ranges[i];
            return new StompHeader(Bytes(range.NameStart, range.NameLength), Bytes(range.ValueStart, range.ValueLength));
        }
    }

    /// <summary>Finds the first header of a name; false and an empty value when there is none.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int i = IndexOf(name, _ranges.Length);
        value = i < 0 ? default : Bytes(_ranges[i].ValueStart, _ranges[i].ValueLength);
        return i >= 0;
    }

    /// <summary>Whether a header of this name is there, with whatever value.</summary>
    public bool Contains(ReadOnlySpan<byte> name) => IndexOf(name, _ranges.Length) >= 0;

    /// <summary>Whether an earlier header has the name of the one at <paramref name="i"/>, which therefore does not count.</summary>
    public bool IsRepeat(int i) => IndexOf(Bytes(_ranges[i].NameStart, _ranges[i].NameLength), i) >= 0;

    /// <summary>One bit of 64 for a name, which is never empty.</summary>
    internal static ulong Mark(ReadOnlySpan<byte> name) => 1UL << (((name.Length * 5) + (name[0] * 3) + name[^1]) & 63);

    private int IndexOf(ReadOnlySpan<byte> name, int count)
    {
        if (name.IsEmpty || (_marks & Mark(name)) == 0)
            return -1;
        for (int i = 0; i < count; i++)
        {
            ref readonly HeaderRange range = ref _ranges[i];
            if (range.NameLength == name.Length && Bytes(range.NameStart, range.NameLength).SequenceEqual(name))
                return i;
        }
        return -1;
    }

    private ReadOnlySpan<byte> Bytes(int start, int length) =>
        start >= 0 ? _block.Slice(start, length) : _decoded.Slice(~start, length);
}

/// <summary>
/// Where a header's name and value lie: from a start in the header block as received, or, when negative, from its complement in the decoded
/// bytes.
/// </summary>
internal readonly record struct HeaderRange(int NameStart, int NameLength, int ValueStart, int ValueLength);
