namespace Broker.Stomp;

/// <summary>How a subscription's messages are acknowledged (the <c>ack</c> header of SUBSCRIBE).</summary>
public enum AckMode : byte
{
    /// <summary><c>auto</c>, the default: a message is settled once it is sent.</summary>
    Auto,

    /// <summary><c>client</c>: an ACK settles its message and all before it of the same subscription.</summary>
    Client,

    /// <summary><c>client-individual</c>: an ACK settles its message alone.</summary>
    ClientIndividual,
}

/// <summary>The words that stand for <see cref="AckMode"/> on the wire. Case-sensitive; thread-safe.</summary>
public static class AckModes
{
    /// <summary>Recognises an <c>ack</c> value; false when it is none of the three words.</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out AckMode mode)
    {
        mode = value.Length switch
        {
            6 => AckMode.Client,
            17 => AckMode.ClientIndividual,
            _ => AckMode.Auto,
        };
        return value.SequenceEqual(mode switch
        {
            AckMode.Client => "client"u8,
            AckMode.ClientIndividual => "client-individual"u8,
            _ => "auto"u8,
        });
    }
}
