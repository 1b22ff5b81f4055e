using System.Globalization;
using Broker.Configuration;
using Broker.Tests.TestHost;

namespace Broker.Tests.Model;

/// <summary>
/// Random SEND, SUBSCRIBE, UNSUBSCRIBE, ACK, NACK, transactions and lost connections of several clients against a simple model of SEMANTICS 5 to 7: every
/// message is settled exactly once or still there, order holds, credit holds, and after each step everybody has what is due. More seeds than in every build:
/// <c>QUEUE_MODEL_SEEDS=1-1000 QUEUE_MODEL_STEPS=1000 dotnet test --project Broker.Tests -- --filter-class "*QueueModelTests"</c>.
/// </summary>
public class QueueModelTests
{
    private const int FewMessages = 15;
    private const int ManyMessages = 1_000_000;
    private const int Nacks = 3;

    public static TheoryData<int> Seeds => [.. ModelSeeds.Read(first: 1, last: 30)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Every_message_is_settled_exactly_once_or_still_there(int seed)
    {
        // Where little room is left each SEND is published by itself; else those that come together.
        int limit = seed % 3 == 0 ? ManyMessages : FewMessages;
        await using RunningBroker broker = await RunningBroker.StartAsync(
            $"Broker:Limits:{nameof(LimitOptions.QueueMessages)}={limit}", $"Broker:Limits:{nameof(LimitOptions.NacksPerMessage)}={Nacks}");
        var model = new QueueModel(Nacks);
        using var run = new QueueModelRun(broker, model);
        var script = new QueueModelScript(run, model, new Random(seed), limit);

        await script.RunAsync(ModelSeeds.Steps(300));
        await script.EndAsync();
    }
}

/// <summary>How many runs there are, and how long each is.</summary>
internal static class ModelSeeds
{
    /// <summary>The seeds of the environment, <c>FIRST-LAST</c> or one of them; else those of every build.</summary>
    public static IEnumerable<int> Read(int first, int last)
    {
        if (Environment.GetEnvironmentVariable("QUEUE_MODEL_SEEDS") is { Length: > 0 } asked)
        {
            int[] range = [.. asked.Split('-').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
            (first, last) = (range[0], range[^1]);
        }

        return Enumerable.Range(first, last - first + 1);
    }

    public static int Steps(int usual) =>
        Environment.GetEnvironmentVariable("QUEUE_MODEL_STEPS") is { Length: > 0 } asked ? int.Parse(asked, CultureInfo.InvariantCulture) : usual;
}
