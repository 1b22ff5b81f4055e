using System.Text;
using Broker.Delivery;

namespace Broker.Tests.Delivery;

/// <summary>What ACK and NACK name (decision 0005).</summary>
public class AckIdTests
{
    private const string Session = "0123456789ab-7";

    [Theory]
    [InlineData(1, 1)]
    [InlineData(int.MaxValue, long.MaxValue)]
    public void It_is_read_as_it_was_written(int subscription, long sequence)
    {
        Span<byte> written = stackalloc byte[AckId.MaxLength];
        int length = AckId.Format(written, AckId.Prefix(Session, subscription), sequence);
        Encoding.ASCII.GetString(written[..length]).Should().Be($"{Session}-{subscription}-{sequence}");
        Parse(Encoding.ASCII.GetString(written[..length])).Should().Be((true, subscription, sequence));
    }

    [Theory]
    [InlineData("0123456789ab-8-1-1")]
    [InlineData("0123456789ab-71-1-1")]
    [InlineData("ffffffffffff-7-1-1")]
    [InlineData("ffffffffffff-9223372036854775807-2147483647-9223372036854775807")]
    public void Another_sessions_is_told_from_its_own(string id) => Parse(id).Should().Be((true, 0, 0L));

    [Theory]
    [InlineData("")]
    [InlineData("1-1")]
    [InlineData("0123456789ab-7")]
    [InlineData("0123456789ab-7-")]
    [InlineData("0123456789ab-7-1")]
    [InlineData("0123456789ab-7-1-")]
    [InlineData("0123456789ab-7--1")]
    [InlineData("0123456789ab-7-1-0")]
    [InlineData("0123456789ab-7-0-1")]
    [InlineData("0123456789ab-7-1-01")]
    [InlineData("0123456789ab-7-1-+1")]
    [InlineData("0123456789ab-7-1-1 ")]
    [InlineData("0123456789ab-7-1-1-1")]
    [InlineData("0123456789ab-7-2147483648-1")]
    [InlineData("0123456789ab-7-1-9223372036854775808")]
    [InlineData("0123456789ab-8")]
    [InlineData("0123456789ab-8-1")]
    [InlineData("0123456789ab--1-1")]
    [InlineData("0123456789ab-0-1-1")]
    [InlineData("0123456789a-8-1-1")]
    [InlineData("0123456789aB-8-1-1")]
    [InlineData("0123456789ab8-1-1")]
    public void Anything_else_is_none(string id) => Parse(id).Parsed.Should().BeFalse();

    [Theory]
    [InlineData("m@a@1-2", true, "1-2")]
    [InlineData("m", false, "m")]
    [InlineData("@1-2", false, "@1-2")]
    public void Older_versions_have_it_behind_the_messages_own_id(string messageId, bool found, string rest)
    {
        ReadOnlySpan<byte> id = Encoding.ASCII.GetBytes(messageId);
        AckId.TrySplit(ref id).Should().Be(found);
        Encoding.ASCII.GetString(id).Should().Be(rest);
    }

    private static (bool Parsed, int Subscription, long Sequence) Parse(string id) =>
        (AckId.TryParse(Encoding.ASCII.GetBytes(id), Encoding.ASCII.GetBytes(Session), out int subscription, out long sequence), subscription, sequence);
}
