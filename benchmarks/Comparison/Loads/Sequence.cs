namespace Comparison.Loads;

/// <summary>What one subscriber has seen of one publisher's sequence.</summary>
internal struct Sequence
{
    private uint _next;
    private HashSet<uint>? _missing;

    public void Take(uint number, Tally tally)
    {
        if (number == _next)
        {
            _next++;
            tally.Unique++;
        }
        else
        {
            TakeOutOfTurn(number, tally);
        }
    }

    private void TakeOutOfTurn(uint number, Tally tally)
    {
        if (number > _next)
        {
            _missing ??= [];
            for (; _next < number; _next++)
                _missing.Add(_next);
            _next++;
            tally.Unique++;
        }
        else if (_missing?.Remove(number) == true)
        {
            tally.Unique++;
            tally.Reordered++;
        }
        else
        {
            tally.Duplicated++;
        }
    }
}
