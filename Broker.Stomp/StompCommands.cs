namespace Broker.Stomp;

/// <summary>The words that stand for <see cref="StompCommand"/> on the wire. Case-sensitive; thread-safe.</summary>
public static class StompCommands
{
    /// <summary>Recognises a command word; false when it is none of STOMP's. CONNECT and STOMP are one command.</summary>
    public static bool TryParse(ReadOnlySpan<byte> word, out StompCommand command)
    {
        command = Candidate(word);
        return word.SequenceEqual(Name(command)) || word.SequenceEqual("STOMP"u8);
    }

    /// <summary>
    /// The word for a command, upper-case ASCII. <see cref="StompCommand.Connect"/> is written CONNECT, which every version knows.
    /// </summary>
    public static ReadOnlySpan<byte> Name(StompCommand command) => command switch
    {
        StompCommand.Connect => "CONNECT"u8,
        StompCommand.Send => "SEND"u8,
        StompCommand.Subscribe => "SUBSCRIBE"u8,
        StompCommand.Unsubscribe => "UNSUBSCRIBE"u8,
        StompCommand.Ack => "ACK"u8,
        StompCommand.Nack => "NACK"u8,
        StompCommand.Begin => "BEGIN"u8,
        StompCommand.Commit => "COMMIT"u8,
        StompCommand.Abort => "ABORT"u8,
        StompCommand.Disconnect => "DISCONNECT"u8,
        StompCommand.Connected => "CONNECTED"u8,
        StompCommand.Message => "MESSAGE"u8,
        StompCommand.Receipt => "RECEIPT"u8,
        _ => "ERROR"u8,
    };

    // Length and first letter leave one command that the word can be; one comparison then decides.
    private static StompCommand Candidate(ReadOnlySpan<byte> word) => word.Length switch
    {
        3 => StompCommand.Ack,
        4 when word[0] == 'S' => StompCommand.Send,
        4 => StompCommand.Nack,
        5 when word[0] == 'B' => StompCommand.Begin,
        5 when word[0] == 'A' => StompCommand.Abort,
        5 when word[0] == 'E' => StompCommand.Error,
        6 => StompCommand.Commit,
        7 when word[0] == 'M' => StompCommand.Message,
        7 when word[0] == 'R' => StompCommand.Receipt,
        9 when word[0] == 'S' => StompCommand.Subscribe,
        9 => StompCommand.Connected,
        10 => StompCommand.Disconnect,
        11 => StompCommand.Unsubscribe,
        _ => StompCommand.Connect,
    };
}
