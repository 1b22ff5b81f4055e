namespace Comparison.Wire;

/// <summary>Bytes that come at one end and go at the other; grows as needed and keeps what it has grown to.</summary>
internal sealed class ByteBuffer
{
    private const int Smallest = 512;

    private byte[] _bytes = [];
    private int _start;
    private int _end;

    public int Length => _end - _start;

    public bool IsEmpty => _start == _end;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(_start, Length);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(_start, Length);

    /// <summary>Room for so many bytes behind what is written.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_end + count > _bytes.Length)
            MakeRoom(count);
        return _bytes.AsSpan(_end);
    }

    public void Commit(int count) => _end += count;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        _end += bytes.Length;
    }

    public void Consume(int count)
    {
        _start += count;
        if (_start == _end)
            Clear();
    }

    public void Clear() => _start = _end = 0;

    private void MakeRoom(int count)
    {
        int length = Length;
        byte[] target = length + count <= _bytes.Length ? _bytes : new byte[Math.Max(Smallest, 2 * (length + count))];
        Written.CopyTo(target);
        _bytes = target;
        (_start, _end) = (0, length);
    }
}
