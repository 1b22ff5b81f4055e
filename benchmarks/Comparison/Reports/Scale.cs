namespace Comparison.Reports;

/// <summary>Where a value lies between the ends of an axis, zero to one: by powers of ten where values differ too much for lengths.</summary>
internal sealed class Scale
{
    private const double TooFarApart = 20;

    private readonly double _low;
    private readonly double _high;

    private Scale(double low, double high, bool isLogarithmic)
    {
        _low = low;
        _high = high;
        IsLogarithmic = isLogarithmic;
        Marks = isLogarithmic ? [.. PowersOfTen()] : [.. Steps()];
    }

    public bool IsLogarithmic { get; }

    /// <summary>The values that the axis names.</summary>
    public IReadOnlyList<double> Marks { get; }

    public static Scale Of(IReadOnlyList<double> values)
    {
        double[] positive = [.. values.Where(static value => value > 0)];
        if (positive.Length == 0)
            return new Scale(0, 1, isLogarithmic: false);
        double low = positive.Min(), high = positive.Max();
        return high / low > TooFarApart
            ? new Scale(Math.Pow(10, Math.Floor(Math.Log10(low) - 0.1)), high, isLogarithmic: true)
            : new Scale(0, high, isLogarithmic: false);
    }

    public double Place(double value)
    {
        double place = IsLogarithmic ? Math.Log(Math.Max(value, _low) / _low) / Math.Log(_high / _low) : value / _high;
        return Math.Clamp(place, 0, 1);
    }

    private IEnumerable<double> PowersOfTen()
    {
        for (double mark = _low; mark <= _high * 1.0001; mark *= 10)
            yield return mark;
    }

    private IEnumerable<double> Steps()
    {
        double step = Math.Pow(10, Math.Floor(Math.Log10(_high)));
        if (_high / step < 2)
            step /= 5;
        else if (_high / step < 5)
            step /= 2;
        for (double mark = 0; mark <= _high * 1.0001; mark += step)
            yield return mark;
    }
}
