using System.Collections.Concurrent;
using Broker.Configuration;
using Broker.Security;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.Tests.Security;

public class ConfiguredUsersTests
{
    private static readonly PasscodeHash Hash = PasscodeHash.Create("right", PasscodeHash.MinIterations);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("anybody", "anything", "anybody")]
    [InlineData("anybody", null, "anybody")]
    [InlineData(null, null, null)]
    [InlineData("", "", null)]
    public async Task Without_users_any_login_is_accepted_and_is_the_name(string? login, string? passcode, string? name)
    {
        ConfiguredUsers users = new(new BrokerOptions(), NullLogger.Instance, (_, _) => throw new InvalidOperationException(), 1);
        users.AcceptAnyLogin.Should().BeTrue();
        (await users.AuthenticateAsync(login, passcode, Cancelled)).Should().Be(Authentication.As(name));
    }

    [Theory]
    [InlineData("alice", "right", true)]
    [InlineData("alice", "wrong", false)]
    [InlineData("alice", "", false)]
    [InlineData("alice", null, false)]
    [InlineData("Alice", "right", false)]
    [InlineData("mallory", "right", false)]
    [InlineData("", "right", false)]
    [InlineData(null, "right", false)]
    [InlineData(null, null, false)]
    public async Task With_users_only_the_right_passcode_of_a_user_is_accepted(string? login, string? passcode, bool accepted)
    {
        ConfiguredUsers users = Users(static (hash, given) => hash.Verify(given));
        users.AcceptAnyLogin.Should().BeFalse();
        for (int time = 0; time < 2; time++)
            (await users.AuthenticateAsync(login, passcode, Cancelled)).Should().Be(accepted ? Authentication.As(login) : Authentication.Refused);
    }

    [Fact]
    public async Task A_success_is_remembered_and_a_failure_is_not()
    {
        int verifications = 0;
        ConfiguredUsers users = Users((_, passcode) => Interlocked.Increment(ref verifications) > 0 && passcode == "right");
        for (int time = 0; time < 5; time++)
            (await users.AuthenticateAsync("alice", "right", Cancelled)).Accepted.Should().BeTrue();
        verifications.Should().Be(1);
        for (int time = 0; time < 3; time++)
            (await users.AuthenticateAsync("alice", "wrong", Cancelled)).Accepted.Should().BeFalse();
        verifications.Should().Be(4);
        (await users.AuthenticateAsync("alice", "right", Cancelled)).Accepted.Should().BeTrue();
        verifications.Should().Be(4);
    }

    [Fact]
    public async Task What_is_remembered_of_one_user_opens_no_other()
    {
        ConfiguredUsers users = Users((hash, passcode) => hash.Verify(passcode), "alice", "bob", "alic");
        (await users.AuthenticateAsync("alice", "right", Cancelled)).UserName.Should().Be("alice");
        (await users.AuthenticateAsync("bob", "righ", Cancelled)).Accepted.Should().BeFalse();
        (await users.AuthenticateAsync("alic", "eright", Cancelled)).Accepted.Should().BeFalse();
    }

    [Fact]
    public async Task A_storm_of_one_user_costs_no_more_verifications_than_run_at_a_time()
    {
        int verifications = 0;
        using ManualResetEventSlim gate = new();
        ConfiguredUsers users = Users((_, _) =>
        {
            Interlocked.Increment(ref verifications);
            gate.Wait(Cancelled);
            return true;
        });
        Task<Authentication>[] storm = [.. Enumerable.Range(0, 1000).Select(_ => users.AuthenticateAsync("alice", "right", Cancelled).AsTask())];
        gate.Set();
        (await Task.WhenAll(storm)).Should().OnlyContain(outcome => outcome.UserName == "alice");
        verifications.Should().BeInRange(1, 2);
    }

    [Fact]
    public async Task Verifications_run_on_the_thread_pool_and_few_at_a_time()
    {
        int running = 0, most = 0, outside = 0;
        ConfiguredUsers users = Users((_, _) =>
        {
            int now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            if (!Thread.CurrentThread.IsThreadPoolThread)
                Interlocked.Increment(ref outside);
            Thread.Yield();
            Interlocked.Decrement(ref running);
            return false;
        });
        Task<Authentication>[] attempts = [.. Enumerable.Range(0, 200).Select(_ => users.AuthenticateAsync("alice", "wrong", Cancelled).AsTask())];
        (await Task.WhenAll(attempts)).Should().OnlyContain(outcome => !outcome.Accepted);
        most.Should().BeLessThanOrEqualTo(2);
        outside.Should().Be(0);
    }

    [Fact]
    public async Task The_caller_is_not_held_by_a_verification()
    {
        using ManualResetEventSlim gate = new();
        ConfiguredUsers users = Users((_, _) =>
        {
            gate.Wait(Cancelled);
            return true;
        });
        ValueTask<Authentication> pending = users.AuthenticateAsync("alice", "right", Cancelled);
        pending.IsCompleted.Should().BeFalse();
        gate.Set();
        (await pending).Accepted.Should().BeTrue();
    }

    [Fact]
    public async Task Who_waits_for_a_turn_can_give_up()
    {
        using ManualResetEventSlim gate = new();
        ConfiguredUsers users = Users((_, _) =>
        {
            gate.Wait(Cancelled);
            return false;
        });
        Task<Authentication>[] busy = [.. Enumerable.Range(0, 2).Select(_ => users.AuthenticateAsync("alice", "wrong", Cancelled).AsTask())];
        using CancellationTokenSource loginTimeout = new();
        Task<Authentication> waiting = users.AuthenticateAsync("alice", "right", loginTimeout.Token).AsTask();
        await loginTimeout.CancelAsync();
        await FluentActions.Awaiting(() => waiting).Should().ThrowAsync<OperationCanceledException>();
        gate.Set();
        await Task.WhenAll(busy);
    }

    [Fact]
    public async Task An_unknown_login_costs_what_a_known_one_does()
    {
        ConcurrentBag<int> costs = [];
        bool Spy(PasscodeHash hash, string passcode)
        {
            costs.Add(hash.Iterations);
            return true;
        }

        ConfiguredUsers users = new(Options("alice"), NullLogger.Instance, Spy, 1);
        (await users.AuthenticateAsync("mallory", "guess", Cancelled)).Accepted.Should().BeFalse("even if the decoy seemed to fit");
        (await users.AuthenticateAsync("mallory", "guess", Cancelled)).Accepted.Should().BeFalse();
        costs.Should().Equal(Hash.Iterations, Hash.Iterations);
    }

    [Fact]
    public async Task The_cost_of_an_unknown_login_is_that_of_some_user_and_stays_the_same()
    {
        ConcurrentQueue<int> costs = [];
        BrokerOptions options = Options("alice");
        options.Users.Add(new UserOptions { Login = "bob", PasscodeHash = PasscodeHash.Decoy(20_000).Format() });
        ConfiguredUsers users = new(options, NullLogger.Instance, (hash, _) =>
        {
            costs.Enqueue(hash.Iterations);
            return false;
        }, 1);
        for (int login = 0; login < 64; login++)
        {
            costs.Clear();
            for (int time = 0; time < 3; time++)
                await users.AuthenticateAsync($"mallory{login}", $"guess{time}", Cancelled);
            costs.Distinct().Should().ContainSingle().Which.Should().BeOneOf(Hash.Iterations, 20_000);
        }
    }

    [Fact]
    public async Task Logs_show_a_sanitised_login_and_never_a_passcode()
    {
        RecordingLogger log = new();
        ConfiguredUsers users = new(Options("alice"), log, static (hash, passcode) => hash.Verify(passcode), 1);
        await users.AuthenticateAsync("alice", "s3cret", Cancelled);
        await users.AuthenticateAsync("mal\r\nlory", "s3cret", Cancelled);
        await users.AuthenticateAsync(null, "s3cret", Cancelled);
        await users.AuthenticateAsync("alice", "right", Cancelled);
        log.Lines.Should().Equal(
            "Login \"alice\" refused: the passcode is wrong.",
            "Login \"mal??lory\" refused: there is no such user.",
            "A client without login or without passcode was refused.");
    }

    [Fact]
    public void A_hash_that_cannot_be_read_is_never_a_user_without_passcode()
    {
        BrokerOptions options = new();
        options.Users.Add(new UserOptions { Login = "alice", PasscodeHash = "s3cret" });
        FluentActions.Invoking(() => new ConfiguredUsers(options, NullLogger.Instance, (_, _) => true, 1))
            .Should().Throw<ArgumentException>().Which.Message.Should().NotContain("s3cret");
    }

    private static ConfiguredUsers Users(Func<PasscodeHash, string, bool> verify, params string[] logins) =>
        new(Options(logins is [] ? ["alice"] : logins), NullLogger.Instance, verify, verificationsAtATime: 2);

    private static BrokerOptions Options(params string[] logins)
    {
        BrokerOptions options = new();
        foreach (string login in logins)
            options.Users.Add(new UserOptions { Login = login, PasscodeHash = Hash.Format() });
        return options;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (int seen = Volatile.Read(ref target); seen < value; seen = Volatile.Read(ref target))
            Interlocked.CompareExchange(ref target, value, seen);
    }

    private sealed class RecordingLogger : ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));
    }
}
