using Broker.Routing;
using Broker.Tests.TestHost;

namespace Broker.Tests.Routing;

/// <summary>SEMANTICS 8: a publisher is held "at most 1 s in any 10 s".</summary>
public class StallBudgetTests
{
    private readonly ManualTime _time = new();
    private readonly StallBudget _budget;

    public StallBudgetTests() => _budget = new StallBudget(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), _time);

    [Fact]
    public void It_is_whole_at_first() => Remaining.Should().Be(1000);

    [Fact]
    public void A_stall_takes_its_time_from_it()
    {
        Stall(300);
        Remaining.Should().Be(700);
        Stall(700);
        Remaining.Should().Be(0);
    }

    [Fact]
    public void It_is_never_less_than_nothing()
    {
        Stall(5000);
        Remaining.Should().Be(0);
    }

    [Fact]
    public void A_stall_comes_back_bit_by_bit_as_it_leaves_the_window()
    {
        Stall(1000);
        Pass(9000);
        Remaining.Should().Be(0);
        Pass(1);
        Remaining.Should().Be(1);
        Pass(499);
        Remaining.Should().Be(500);
        Pass(500);
        Remaining.Should().Be(1000);
        Pass(100_000);
        Remaining.Should().Be(1000);
    }

    [Fact]
    public void A_stall_of_no_time_costs_nothing()
    {
        Stall(0);
        Remaining.Should().Be(1000);
    }

    [Fact]
    public void In_no_window_is_more_used_than_it_has()
    {
        var random = new Random(11);
        var stalls = new List<(long From, long To)>();
        long start = Now;
        for (int i = 0; i < 2000; i++)
        {
            Pass(random.Next(300));
            int take = (int)Math.Min(Remaining, random.Next(400));
            stalls.Add((Now, Now + take));
            Stall(take);
            long used = stalls.Sum(stall => Math.Max(0, stall.To - Math.Max(stall.From, Now - 10_000)));
            used.Should().BeLessThanOrEqualTo(1000);
            Remaining.Should().Be(1000 - used);
        }

        stalls.Sum(stall => stall.To - stall.From).Should().BeGreaterThan((Now - start) / 20, "and what it has is to be had");
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private double Remaining => _budget.Remaining.TotalMilliseconds;

    private void Pass(int milliseconds) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    private void Stall(int milliseconds)
    {
        long start = _time.GetTimestamp();
        Pass(milliseconds);
        _budget.Record(start).TotalMilliseconds.Should().Be(milliseconds);
    }
}
