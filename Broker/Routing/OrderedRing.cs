namespace Broker.Routing;

/// <summary>
/// Values under ascending numbers: added at the end, found and removed anywhere. What is removed from the middle leaves a hole, never at an end; holes are
/// closed when they are more than the values, so that memory is that of what is in it. Not thread-safe.
/// </summary>
internal sealed class OrderedRing<T>
{
    private const int Smallest = 8;
    private const int MaxHoles = 32;

    // Who has to pass more holes than this closes them.
    private const int MaxWalk = 1024;

    // Beyond this it does not keep the size of its fullest moment.
    private const int KeptCapacity = 1024;

    // A power of two of slots, used from _head on. A hole has the complement of its number.
    private Slot[] _slots = [];
    private int _head;

    public int Count { get; private set; }

    /// <summary>The indices that are in use, holes among them: 0 up to this. They change with every removal.</summary>
    public int Span { get; private set; }

    /// <summary>Adds a value under a number higher than all that are in it.</summary>
    public void Add(long number, in T value)
    {
        if (Span == _slots.Length)
            Resize(Math.Max(Smallest, _slots.Length * 2));
        ref Slot slot = ref At(Span++);
        slot.Number = number;
        slot.Value = value;
        Count++;
    }

    /// <summary>The value at an index, and its number; false for a hole.</summary>
    public bool TryGet(int index, out long number, out T value)
    {
        ref Slot slot = ref At(index);
        number = slot.Number;
        value = slot.Value;
        return number >= 0;
    }

    /// <summary>Puts another value in the place of the one at an index.</summary>
    public void Replace(int index, in T value) => At(index).Value = value;

    /// <summary>The index of the first value whose number is not below this one; <see cref="Span"/> when there is none. Indices from before may have changed.</summary>
    public int IndexFrom(long number)
    {
        int start = Search(number), index = start;
        while (index < Span && At(index).Number < 0)
        {
            if (++index - start <= MaxWalk)
                continue;
            CloseHoles();
            return Search(number);
        }

        return index;
    }

    /// <summary>The index of a number; -1 when it is not there.</summary>
    public int IndexOf(long number)
    {
        int index = Search(number);
        return index < Span && At(index).Number == number ? index : -1;
    }

    /// <summary>Removes the value at an index, which must not be a hole.</summary>
    public void RemoveAt(int index)
    {
        ref Slot slot = ref At(index);
        slot.Number = ~slot.Number;
        slot.Value = default!;
        Count--;
        if (Count == 0)
        {
            _head = Span = 0;
        }
        else if (index == 0)
        {
            do
            {
                _head = (_head + 1) & (_slots.Length - 1);
                Span--;
            }
            while (At(0).Number < 0);
        }
        else if (index == Span - 1)
        {
            // Its number, and those of the holes before it, may be added again.
            do
                Span--;
            while (At(Span - 1).Number < 0);
        }
        else if (Span - Count > MaxHoles && Span - Count > Count)
        {
            CloseHoles();
        }

        if (_slots.Length > KeptCapacity && Span <= _slots.Length / 8)
            Resize(_slots.Length / 4);
    }

    public void Clear()
    {
        _slots = [];
        _head = Span = Count = 0;
    }

    /// <summary>Gives back what memory it does not need now.</summary>
    public void Trim()
    {
        if (Count == 0)
            Clear();
    }

    private ref Slot At(int index) => ref _slots[(_head + index) & (_slots.Length - 1)];

    // The first index whose number, of a hole too, is not below this one. Where numbers follow each other it is their difference.
    private int Search(long number)
    {
        if (Span == 0)
            return 0;
        long distance = number - NumberAt(0);
        if (distance <= 0)
            return 0;
        if (distance < Span && NumberAt((int)distance) == number)
            return (int)distance;
        int low = 0, high = (int)Math.Min(Span, distance);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (NumberAt(middle) < number)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private long NumberAt(int index) => At(index).Number is var number && number < 0 ? ~number : number;

    private void CloseHoles()
    {
        int kept = 0;
        for (int i = 0; i < Span; i++)
        {
            ref Slot slot = ref At(i);
            if (slot.Number < 0)
                continue;
            if (i != kept)
            {
                At(kept) = slot;
                slot.Value = default!;
            }

            kept++;
        }

        Span = kept;
    }

    private void Resize(int capacity)
    {
        var slots = new Slot[capacity];
        int first = Math.Min(Span, _slots.Length - _head);
        _slots.AsSpan(_head, first).CopyTo(slots);
        _slots.AsSpan(0, Span - first).CopyTo(slots.AsSpan(first));
        _slots = slots;
        _head = 0;
    }

    private struct Slot
    {
        public long Number;
        public T Value;
    }
}
