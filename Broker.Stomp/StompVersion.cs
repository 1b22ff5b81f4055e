namespace Broker.Stomp;

/// <summary>A version of the STOMP protocol, in ascending order.</summary>
public enum StompVersion : byte
{
    /// <summary>STOMP 1.0: no header escaping; spaces around names and values are padding.</summary>
    V10,

    /// <summary>STOMP 1.1: escapes <c>\n</c>, <c>\c</c> and <c>\\</c>.</summary>
    V11,

    /// <summary>STOMP 1.2: escapes <c>\r</c>, <c>\n</c>, <c>\c</c> and <c>\\</c>.</summary>
    V12,
}
