using System.Buffers;

namespace Broker.Delivery;

/// <summary>
/// The bytes received and not yet parsed, in one piece. Rents its memory while it holds any, and none while it is empty:
/// an idle connection costs no buffer. Not thread-safe.
/// </summary>
internal sealed class ReceiveBuffer : IBufferWriter<byte>
{
    private const int InitialSize = 4096;

    private byte[] _array = [];
    private int _start;
    private int _end;

    public int Count => _end - _start;

    public ReadOnlySpan<byte> Unread => _array.AsSpan(_start, Count);

    public void Advance(int count) => _end += count;

    /// <summary>Drops the first <paramref name="count"/> bytes.</summary>
    public void Consume(int count)
    {
        _start += count;
        if (_start == _end)
            _start = _end = 0;
    }

    /// <summary>Gives the memory back; call before waiting for input.</summary>
    public void Release()
    {
        if (Count != 0 || _array.Length == 0)
            return;
        ArrayPool<byte>.Shared.Return(_array);
        _array = [];
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsSpan(_end);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsMemory(_end);
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _start = _end = 0;
        Release();
    }

    private void Reserve(int sizeHint)
    {
        int wanted = Math.Max(sizeHint, 1);
        if (_array.Length - _end >= wanted)
            return;

        // Moving is cheaper than growing only while little is left over: otherwise a large frame would be moved for each read.
        if (_array.Length - Count >= wanted && Count <= _array.Length / 2)
        {
            _array.AsSpan(_start, Count).CopyTo(_array);
            _end = Count;
            _start = 0;
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(InitialSize, _array.Length * 2), Count + wanted));
        _array.AsSpan(_start, Count).CopyTo(larger);
        if (_array.Length > 0)
            ArrayPool<byte>.Shared.Return(_array);
        _end = Count;
        _start = 0;
        _array = larger;
    }
}
