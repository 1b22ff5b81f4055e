using Broker.Delivery;

namespace Broker.Routing;

/// <summary>
/// What one publisher sends in a row to several topics with the same subscribers, as where all of them follow a wildcard, takes its place in each topic's
/// order and then goes to every subscriber as one publication: the work per subscriber is that of one message. Belongs to one thread at a time.
/// </summary>
internal sealed class TopicGroup
{
    private readonly List<Topic> _topics = [];
    private readonly List<Publication> _parts = [];

    // How many go alone before the next attempt: what did not fit once is not tried anew for each of its parts.
    private int _alone;

    /// <summary>
    /// Publishes as many of the first as may go together, and returns how many; zero where the next has to go alone: it has other subscribers than
    /// the one behind it, its topic keeps something, or somebody has no room.
    /// </summary>
    public int TryPublish(Queue<(Topic Topic, Publication Publication)> outgoing, DirtyOutboxes dirty)
    {
        if (outgoing.Count < 2 || _alone > 0)
        {
            _alone = Math.Max(0, _alone - 1);
            return 0;
        }

        SubscriberSet[]? matches = null;
        foreach ((Topic topic, Publication publication) in outgoing)
        {
            // Without their locks, as a first look.
            if (publication.Retains || !topic.MayJoin(ref matches)
                || (_parts.Count > 0 && !(publication.Follows(_parts[^1]) && topic.Policy == _topics[0].Policy)))
                break;
            _topics.Add(topic);
            _parts.Add(publication);
        }

        int published = _parts.Count > 1 && TryPublish() ? _parts.Count : 0;
        _alone = published == 0 ? Math.Max(0, _parts.Count - 1) : 0;
        _topics.Clear();
        _parts.Clear();
        return published;

        bool TryPublish()
        {
            Publication together = Publication.Join([.. _parts]);
            List<Topic> topics = Lock();
            try
            {
                return TryDeliver(together, dirty);
            }
            finally
            {
                for (int i = topics.Count - 1; i >= 0; i--)
                    topics[i].Order.Exit();
            }
        }
    }

    // All of them, always in the same order, so that no two publishers wait for each other.
    private List<Topic> Lock()
    {
        var topics = new List<Topic>(_topics);
        topics.Sort(static (one, other) => one.Number.CompareTo(other.Number));
        foreach (Topic topic in topics)
            topic.Order.Enter();
        return topics;
    }

    private bool TryDeliver(Publication together, DirtyOutboxes dirty)
    {
        SubscriberSet[]? matches = null;
        foreach (Topic topic in _topics)
        {
            if (!topic.MayJoinNow(ref matches))
                return false;
        }

        int subscribers = 0;
        bool takesParts = false;
        foreach (SubscriberSet set in matches!)
        {
            foreach (Subscription subscription in set.Snapshot)
            {
                if (!subscription.HasRoomFor(together))
                    return false;
                takesParts |= subscription.TakesParts;
                subscribers++;
            }
        }

        for (int i = 0; i < _parts.Count; i++)
        {
            if (takesParts)
                _parts[i].Detach();
            _parts[i].JoinTo(together);
            _topics[i].Place(_parts[i], subscribers);
        }

        together.Place([], _parts[0].Policy, position: 0, subscribers > 1);
        foreach (SubscriberSet set in matches)
        {
            foreach (Subscription subscription in set.Snapshot)
                subscription.Deliver(together, dirty);
        }

        return true;
    }
}
