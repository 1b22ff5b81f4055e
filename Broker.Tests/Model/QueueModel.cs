namespace Broker.Tests.Model;

/// <summary>What is said about a message that was delivered.</summary>
internal enum Verdict
{
    Ack,
    Nack,
    Reject,
}

/// <summary>A message that is not settled; its holder is the consumer that it is with.</summary>
internal sealed class ModelMessage(string body, ModelQueue queue, long place)
{
    public string Body => body;

    public ModelQueue Queue => queue;

    /// <summary>Where it stands in its queue for ever. Those that died of one frame share a place: which of them is first is nobody's promise.</summary>
    public long Place => place;

    public int Deliveries { get; set; }

    public int Nacks { get; set; }

    public ModelConsumer? Holder { get; set; }

    /// <summary>Who rejected it in this step.</summary>
    public ModelConsumer? RejectedBy { get; set; }

    public string? DeathReason { get; init; }

    public string? DeathQueue { get; init; }

    public override string ToString() => $"'{body}' of {queue.Destination} at {place}, delivered {Deliveries} times";
}

/// <summary>One delivery of a message to a consumer that acknowledges; over when it is settled or the consumer is gone.</summary>
internal sealed class ModelDelivery(ModelMessage message, ModelConsumer consumer, (string Name, string Value)[] answer)
{
    public ModelMessage Message => message;

    public ModelConsumer Consumer => consumer;

    public (string Name, string Value)[] Answer => answer;

    public bool IsOver { get; set; }
}

/// <summary>A subscription to a queue. Without a limit the prefetch is zero.</summary>
internal sealed class ModelConsumer(string name, ModelQueue queue, string ack, int prefetch)
{
    public string Name => name;

    public ModelQueue Queue => queue;

    public string Ack => ack;

    /// <summary>All that it was ever given and had to acknowledge, in order.</summary>
    public List<ModelDelivery> Given { get; } = [];

    /// <summary>The receipt of its SUBSCRIBE.</summary>
    public string? SubscribedWith { get; set; }

    public int Unsettled => Given.Count(delivery => !delivery.IsOver);

    public int Credit => ack == "auto" || prefetch == 0 ? int.MaxValue : prefetch - Unsettled;
}

/// <summary>A queue: all its messages by their places, and who consumes.</summary>
internal sealed class ModelQueue(string destination)
{
    public string Destination => destination;

    public List<ModelMessage> Messages { get; } = [];

    public List<ModelConsumer> Consumers { get; } = [];

    public IEnumerable<ModelMessage> Waiting => Messages.Where(message => message.Holder is null);

    /// <summary>As many as must be delivered now: what waits, as far as there is credit for it.</summary>
    public int Due => (int)Math.Min(Waiting.Count(), Consumers.Sum(consumer => (long)consumer.Credit));
}

/// <summary>
/// What the contract says of queues, as simply as it can be said: lists, no thought for speed, and nothing happens at the same time as anything
/// else. It does not foretell which consumer gets a message, which is the broker's choice; it holds what it gets to be right.
/// </summary>
internal sealed class QueueModel(int nacks)
{
    private readonly SortedDictionary<string, ModelQueue> _queues = new(StringComparer.Ordinal);
    private long _place;

    public IEnumerable<ModelQueue> Queues => _queues.Values;

    /// <summary>Deliveries but the first ones.</summary>
    public long Redelivered { get; private set; }

    public long DeadLettered { get; private set; }

    public ModelQueue Queue(string destination)
    {
        if (!_queues.TryGetValue(destination, out ModelQueue? queue))
            _queues.Add(destination, queue = new ModelQueue(destination));
        return queue;
    }

    public void Send(string destination, string body)
    {
        ModelQueue queue = Queue(destination);
        queue.Messages.Add(new ModelMessage(body, queue, ++_place));
    }

    /// <summary>A step begins: what dies in it shares a place in the dead-letter queue.</summary>
    public void Step()
    {
        _place++;
        foreach (ModelMessage message in Queues.SelectMany(queue => queue.Messages))
            message.RejectedBy = null;
    }

    public ModelDelivery? Deliver(ModelMessage message, ModelConsumer consumer, Func<(string, string)[]> answer)
    {
        if (++message.Deliveries > 1)
            Redelivered++;
        if (consumer.Ack == "auto")
        {
            message.Queue.Messages.Remove(message);
            return null;
        }

        message.Holder = consumer;
        var delivery = new ModelDelivery(message, consumer, answer());
        consumer.Given.Add(delivery);
        return delivery;
    }

    /// <summary>What an ACK or NACK of a delivery concerns: nothing when it is over, in client mode also what was given before it.</summary>
    public static IEnumerable<ModelDelivery> ConcernedBy(ModelDelivery delivery)
    {
        if (delivery.IsOver)
            return [];
        if (delivery.Consumer.Ack != "client")
            return [delivery];
        List<ModelDelivery> given = delivery.Consumer.Given;
        return given.Take(given.IndexOf(delivery) + 1).Where(earlier => !earlier.IsOver);
    }

    /// <summary>How many of these die of it.</summary>
    public int Deaths(ModelDelivery delivery, Verdict verdict) => verdict switch
    {
        Verdict.Ack => 0,
        Verdict.Reject => ConcernedBy(delivery).Count(),
        _ => ConcernedBy(delivery).Count(concerned => concerned.Message.Nacks + 1 >= nacks),
    };

    public void Settle(ModelDelivery delivery, Verdict verdict)
    {
        foreach (ModelDelivery concerned in ConcernedBy(delivery).ToList())
        {
            ModelMessage message = concerned.Message;
            concerned.IsOver = true;
            message.Holder = null;
            if (verdict == Verdict.Nack && ++message.Nacks < nacks)
            {
                message.RejectedBy = concerned.Consumer;
                continue;
            }

            message.Queue.Messages.Remove(message);
            if (verdict != Verdict.Ack)
                Bury(message, verdict == Verdict.Reject ? "rejected" : "delivery-limit");
        }
    }

    /// <summary>A subscription ends: what it holds goes back.</summary>
    public static void End(ModelConsumer consumer)
    {
        foreach (ModelDelivery delivery in consumer.Given.Where(delivery => !delivery.IsOver))
        {
            delivery.IsOver = true;
            delivery.Message.Holder = null;
        }

        consumer.Queue.Consumers.Remove(consumer);
    }

    /// <summary>The queue that a queue's messages die into.</summary>
    public static string DeadLettersOf(string destination) => "/queue/DLQ." + destination["/queue/".Length..];

    private void Bury(ModelMessage message, string reason)
    {
        DeadLettered++;
        ModelQueue queue = Queue(DeadLettersOf(message.Queue.Destination));
        queue.Messages.Add(new ModelMessage(message.Body, queue, _place) { DeathReason = reason, DeathQueue = message.Queue.Destination });
    }
}
