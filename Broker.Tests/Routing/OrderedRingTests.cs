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
