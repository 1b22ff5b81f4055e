using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>"Highest common version; no accept-version means 1.0" (section 3), and heart-beats (section 4).</summary>
public class ConnectTests
{
    [Theory]
    [InlineData("", StompVersion.V10)]
    [InlineData("accept-version:1.0\n", StompVersion.V10)]
    [InlineData("accept-version:1.1\n", StompVersion.V11)]
    [InlineData("accept-version:1.2\n", StompVersion.V12)]
    [InlineData("accept-version:1.0,1.1,1.2\n", StompVersion.V12)]
    [InlineData("accept-version:1.2,1.1\n", StompVersion.V12)]
    [InlineData("accept-version:1.1, 1.0\n", StompVersion.V11)]
    [InlineData("accept-version:1.1,2.0,1.3,,x\n", StompVersion.V11)]
    [InlineData("accept-version:1.0\naccept-version:1.2\n", StompVersion.V10)]
    public void The_highest_common_version_is_chosen(string headers, StompVersion version)
    {
        (StompError error, StompVersion chosen, _) = Read(headers);

        error.Should().Be(StompError.None);
        chosen.Should().Be(version);
    }

    [Theory]
    [InlineData("accept-version:\n", StompError.NoCommonVersion)]
    [InlineData("accept-version:2.0\n", StompError.NoCommonVersion)]
    [InlineData("accept-version:1\n", StompError.NoCommonVersion)]
    [InlineData("accept-version:1.20\n", StompError.NoCommonVersion)]
    [InlineData("accept-version:1.2\nheart-beat:x\n", StompError.BadHeartBeat)]
    public void What_cannot_be_agreed_on_is_refused(string headers, StompError expected) => Read(headers).Error.Should().Be(expected);

    [Fact]
    public void Another_command_is_no_connecting()
    {
        ReadOnlySpan<byte> input = Feed.Bytes("SEND\n\n\0");
        new StompParser(new StompLimits()).Read(ref input, out StompFrame frame);

        StompConnect.TryRead(frame, out _, out StompError error).Should().BeFalse();
        error.Should().Be(StompError.NotConnected);
    }

    [Fact]
    public void The_credentials_are_as_the_client_wrote_them()
    {
        ReadOnlySpan<byte> input = Feed.Bytes("STOMP\nlogin:a\\nb\npasscode:x:y\nhost:h\nclient-id:c\nheart-beat:5,6\n\n\0");
        new StompParser(new StompLimits()).Read(ref input, out StompFrame frame);

        StompConnect.TryRead(in frame, out StompConnect connect, out _).Should().BeTrue();
        Encoding.UTF8.GetString(connect.Login).Should().Be("a\\nb");
        Encoding.UTF8.GetString(connect.Passcode).Should().Be("x:y");
        Encoding.UTF8.GetString(connect.Host).Should().Be("h");
        Encoding.UTF8.GetString(connect.ClientId).Should().Be("c");
        connect.HasLogin.Should().BeTrue();
        connect.HasPasscode.Should().BeTrue();
        connect.HeartBeat.Should().Be(new HeartBeat(5, 6));
    }

    [Fact]
    public void A_login_may_be_empty_or_absent()
    {
        ReadOnlySpan<byte> input = Feed.Bytes("CONNECT\nlogin:\n\n\0");
        new StompParser(new StompLimits()).Read(ref input, out StompFrame frame);

        StompConnect.TryRead(in frame, out StompConnect connect, out _).Should().BeTrue();
        connect.HasLogin.Should().BeTrue();
        connect.HasPasscode.Should().BeFalse();
        connect.Login.IsEmpty.Should().BeTrue();
    }

    [Theory]
    [InlineData("0,0", 0, 0)]
    [InlineData("1000,2000", 1000, 2000)]
    [InlineData("007,0", 7, 0)]
    [InlineData("99999999999999999999999,2147483648", int.MaxValue, int.MaxValue)]
    public void A_heart_beat_is_two_numbers(string value, int outgoing, int incoming)
    {
        HeartBeat.TryParse(Encoding.UTF8.GetBytes(value), out HeartBeat heartBeat).Should().BeTrue();
        heartBeat.Should().Be(new HeartBeat(outgoing, incoming));
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("1")]
    [InlineData("1,")]
    [InlineData(",1")]
    [InlineData("1,2,3")]
    [InlineData("-1,0")]
    [InlineData("1.5,0")]
    [InlineData("1, 2")]
    [InlineData("a,b")]
    public void Anything_else_is_no_heart_beat(string value) => HeartBeat.TryParse(Encoding.UTF8.GetBytes(value), out _).Should().BeFalse();

    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(500, 500, 1000, 1000)]
    [InlineData(5000, 0, 0, 5000)]
    [InlineData(0, 5000, 5000, 0)]
    [InlineData(10_000, 20_000, 20_000, 10_000)]
    public void Each_direction_takes_the_larger_number_and_0_stays_0(int clientSends, int clientWants, int outgoing, int incoming) =>
        HeartBeat.Negotiate(new HeartBeat(clientSends, clientWants), new HeartBeat(1000, 1000))
            .Should().Be(new HeartBeat(outgoing, incoming));

    [Fact]
    public void A_server_that_offers_none_agrees_on_none() =>
        HeartBeat.Negotiate(new HeartBeat(100, 100), new HeartBeat(0, 0)).Should().Be(default(HeartBeat));

    [Theory]
    [InlineData(0, 0, "0,0")]
    [InlineData(1000, 20, "1000,20")]
    [InlineData(int.MaxValue, int.MaxValue, "2147483647,2147483647")]
    public void A_heart_beat_is_written_as_it_is_read(int outgoing, int incoming, string value)
    {
        Span<byte> destination = stackalloc byte[HeartBeat.MaxBytes];

        new HeartBeat(outgoing, incoming).TryFormat(destination, out int written).Should().BeTrue();
        Encoding.UTF8.GetString(destination[..written]).Should().Be(value);
        new HeartBeat(outgoing, incoming).TryFormat(destination[..(written - 1)], out _).Should().BeFalse();
    }

    [Theory]
    [InlineData("auto", true, AckMode.Auto)]
    [InlineData("client", true, AckMode.Client)]
    [InlineData("client-individual", true, AckMode.ClientIndividual)]
    [InlineData("", false, AckMode.Auto)]
    [InlineData("Client", false, AckMode.Auto)]
    [InlineData("client-individuals", false, AckMode.Auto)]
    public void An_ack_mode_is_one_of_three_words(string value, bool known, AckMode mode)
    {
        AckModes.TryParse(Encoding.UTF8.GetBytes(value), out AckMode parsed).Should().Be(known);
        if (known)
            parsed.Should().Be(mode);
    }

    private static (StompError Error, StompVersion Version, HeartBeat HeartBeat) Read(string headers)
    {
        ReadOnlySpan<byte> input = Feed.Bytes($"CONNECT\n{headers}\n\0");
        new StompParser(new StompLimits()).Read(ref input, out StompFrame frame).Should().Be(StompParseResult.Frame);
        StompConnect.TryRead(in frame, out StompConnect connect, out StompError error);
        return (error, connect.Version, connect.HeartBeat);
    }
}
