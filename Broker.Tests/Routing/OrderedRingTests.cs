using Broker.Routing;

namespace Broker.Tests.Routing;

/// <summary>The ring under a queue's messages, against a sorted dictionary.</summary>
public class OrderedRingTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 40)]
    public void It_holds_what_a_sorted_dictionary_holds(int seed, int farthestGap)
    {
        var random = new Random(seed);
        var ring = new OrderedRing<string>();
        var model = new SortedDictionary<long, string>();
        long next = 0;
        for (int round = 0; round < 50_000; round++)
        {
            // Grows and shrinks by turns, so that rings are resized both ways and holes are closed.
            bool grows = round / 5000 % 2 == 0;
            if (random.Next(10) < (grows ? 7 : 3))
            {
                next += random.Next(1, farthestGap + 1);
                ring.Add(next, $"v{next}");
                model.Add(next, $"v{next}");
            }
            else if (model.Count > 0)
            {
                long number = random.Next(3) == 0 ? model.Keys.First() : model.Keys.ElementAt(random.Next(Math.Min(model.Count, 200)));
                int index = ring.IndexOf(number);
                ring.TryGet(index, out long found, out string value).Should().BeTrue();
                (found, value).Should().Be((number, model[number]));
                ring.RemoveAt(index);
                model.Remove(number);
                ring.IndexOf(number).Should().Be(-1);
            }

            if (round % 100 == 0)
                Content(ring).Should().Equal(model.Select(entry => (entry.Key, entry.Value)));
            long from = random.NextInt64(next + 2);
            if (round % 10 == 0)
                First(ring, from).Should().Be(model.Keys.Where(key => key >= from).Cast<long?>().FirstOrDefault());
            ring.Count.Should().Be(model.Count);
        }
    }

    [Fact]
    public void One_that_stays_does_not_keep_the_room_of_those_that_went()
    {
        var ring = new OrderedRing<string>();
        ring.Add(0, "stays");
        for (int i = 1; i <= 1_000_000; i++)
        {
            ring.Add(i, "goes");
            ring.RemoveAt(ring.IndexOf(i));
        }

        ring.Span.Should().BeLessThan(100);
        First(ring, 1).Should().BeNull();
    }

    [Fact]
    public void What_is_replaced_keeps_its_place()
    {
        var ring = new OrderedRing<string>();
        ring.Add(5, "old");
        ring.Add(7, "other");

        ring.Replace(ring.IndexOf(5), "new");

        Content(ring).Should().Equal((5, "new"), (7, "other"));
    }

    [Fact]
    public void It_is_empty_after_Clear_and_takes_new_ones()
    {
        var ring = new OrderedRing<string>();
        ring.Add(1, "a");
        ring.Clear();
        (ring.Count, ring.IndexOf(1), ring.IndexFrom(0)).Should().Be((0, -1, 0));

        ring.Add(1, "b");

        Content(ring).Should().Equal((1, "b"));
    }

    [Fact]
    public void Holes_that_somebody_has_to_pass_are_closed_before_they_are_many()
    {
        const int Values = 100_000, Removed = 49_000;
        var ring = new OrderedRing<string>();
        for (int i = 0; i < Values; i++)
            ring.Add(i, "v");

        // Fewer holes than values: for memory's sake they might stay.
        for (int i = 1; i <= Removed; i++)
            ring.RemoveAt(ring.IndexFrom(1));

        (ring.Span - ring.Count).Should().BeLessThan(1100);
        Content(ring).Select(entry => entry.Item1).Should().Equal(Enumerable.Range(0, Values).Where(i => i is 0 or > Removed).Select(i => (long)i));
    }

    [Fact]
    public void A_number_that_was_taken_off_the_end_can_be_added_again()
    {
        var ring = new OrderedRing<string>();
        for (int i = 0; i < 5; i++)
            ring.Add(i, "first");
        for (int i = 2; i < 5; i++)
            ring.RemoveAt(ring.IndexOf(i));

        ring.Add(2, "second");

        Content(ring).Should().Equal((0, "first"), (1, "first"), (2, "second"));
        ring.TryGet(ring.IndexOf(2), out _, out string value).Should().BeTrue();
        value.Should().Be("second");
    }


    private static long? First(OrderedRing<string> ring, long from)
    {
        int index = ring.IndexFrom(from);
        if (index == ring.Span)
            return null;
        ring.TryGet(index, out long number, out _).Should().BeTrue();
        return number;
    }

    private static List<(long, string)> Content(OrderedRing<string> ring)
    {
        var content = new List<(long, string)>();
        for (int i = 0; i < ring.Span; i++)
        {
            if (ring.TryGet(i, out long number, out string value))
                content.Add((number, value));
        }

        return content;
    }
}
