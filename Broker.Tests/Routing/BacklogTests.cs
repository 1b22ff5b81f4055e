using System.Text;
using Broker.Messaging;
using Broker.Routing;

namespace Broker.Tests.Routing;

/// <summary>What waits in a queue, against a sorted list: by place, whether it is new or came back, and by its time.</summary>
public class BacklogTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void It_holds_what_a_sorted_list_holds(int seed)
    {
        var random = new Random(seed);
        var backlog = new Backlog();
        var model = new SortedDictionary<long, QueueEntry>();
        var taken = new List<QueueEntry>();
        long next = 0, now = 1;
        for (int round = 0; round < 40_000; round++)
        {
            switch (random.Next(9))
            {
                case 0 or 1 or 2:
                    Message message = Make(random.Next(3) == 0 ? now + random.Next(500) : 0);
                    backlog.Add(message, next);
                    model.Add(next, new QueueEntry(message, next));
                    next++;
                    break;
                case 3 when taken.Count > 0:
                    QueueEntry back = taken[random.Next(taken.Count)];
                    taken.Remove(back);
                    back = back with { Deliveries = back.Deliveries + 1 };
                    backlog.Return(back, refusedBy: null);
                    model.Add(back.Place, back);
                    break;
                case 4 or 5 when model.Count > 0:
                    long from = random.Next(2) == 0 ? 0 : random.NextInt64(next);
                    bool found = backlog.TryFind(from, out QueueEntry first, out _);
                    var expected = model.Where(entry => entry.Key >= from).Select(entry => entry.Value).Cast<QueueEntry?>().FirstOrDefault();
                    (found ? first : (QueueEntry?)null).Should().Be(expected);
                    if (expected is null)
                        break;
                    backlog.TryTake(first.Place, out QueueEntry entry).Should().BeTrue();
                    entry.Should().Be(first);
                    model.Remove(first.Place);
                    taken.Add(first);
                    break;
                case 6:
                    backlog.TryTake(next + random.Next(5), out _).Should().BeFalse();
                    break;
                case 7:
                    now += random.Next(100);
                    while (backlog.TryTakeExpired(now, out QueueEntry dead))
                    {
                        dead.Message.HasExpired(now).Should().BeTrue();
                        model.Remove(dead.Place).Should().BeTrue();
                    }

                    model.Values.Where(left => left.Message.HasExpired(now)).Should().BeEmpty();
                    backlog.NextExpiry.Should().BeLessThanOrEqualTo(model.Values.Where(left => left.Message.ExpiresAt != 0).Select(left => left.Message.ExpiresAt).Append(long.MaxValue).Min())
                        .And.BeGreaterThan(now);
                    break;
                default:
                    backlog.Trim();
                    break;
            }

            backlog.Count.Should().Be(model.Count);
        }

        backlog.Clear().Should().Be(model.Count);
        (backlog.Count, backlog.NextExpiry, backlog.TryFind(0, out _, out _)).Should().Be((0, long.MaxValue, false));
    }

    private static Message Make(long expiresAt)
    {
        byte[] bytes = Encoding.ASCII.GetBytes("message-id:x\ncontent-length:0\n\n\0");
        return new Message(bytes, idLineLength: 13, bytes.Length - 1, isText: true, hasEscapes: false, expiresAt);
    }
}
