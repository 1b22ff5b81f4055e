using Comparison.Protocols;
using Comparison.Wire;

namespace Comparison.Loads;

/// <summary>Sends numbered messages, to its destinations in turn.</summary>
internal sealed class Publisher : Client
{
    private readonly int _number;
    private readonly Template[] _templates;
    private uint _next;

    public Publisher(EventLoop loop, Target target, Tally tally, int number, IReadOnlyList<string> destinations, int bodyBytes)
        : base(loop, target, tally, "none")
    {
        _number = number;
        _templates = [.. destinations.Select(destination => Template.Of(target.Protocol, destination, bodyBytes))];
    }

    /// <summary>How many messages it has sent.</summary>
    public long Sent => _next;

    protected override string? Subscription => null;

    /// <summary>Adds the next message, which was due at some time, to be sent by <see cref="Client.Flush"/>.</summary>
    public void Put(long due)
    {
        Template template = _templates[_next % (uint)_templates.Length];
        Body.Stamp(template.Body, _number, _next, due);
        _next++;
        Send(template.Frame);
    }

    public override void Deliver(ReadOnlySpan<byte> body, bool isOwn) => Tally.Wrong++;

    /// <summary>A message but for its marks.</summary>
    private sealed record Template(byte[] Frame, int BodyOffset, int BodyBytes)
    {
        public Span<byte> Body => Frame.AsSpan(BodyOffset, BodyBytes);

        public static Template Of(Protocol protocol, string destination, int bodyBytes)
        {
            (byte[] before, byte[] after) = protocol.Send(destination, bodyBytes);
            var template = new Template([.. before, .. new byte[bodyBytes], .. after], before.Length, bodyBytes);
            Loads.Body.Fill(template.Body);
            return template;
        }
    }
}
