using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>SEMANTICS 2: "Spaces are kept in 1.1 and 1.2; in 1.0 those around name and value are trimmed."</summary>
public class ConnectSpacesTests
{
    [Theory]
    [InlineData("CONNECT\naccept-version:1.2\nhost:h\npasscode: pass \n\n\0", " pass ")]
    [InlineData("CONNECT\npasscode: pass \naccept-version:1.1\n\n\0", " pass ")]
    [InlineData("CONNECT\npasscode: pass \n\n\0", "pass")]
    [InlineData("CONNECT\npasscode :  \n\n\0", "")]
    public void A_passcode_keeps_its_spaces_unless_the_client_speaks_1_0(string frame, string passcode)
    {
        var parser = new StompParser(new StompLimits());
        ReadOnlySpan<byte> input = Encoding.UTF8.GetBytes(frame);

        parser.Read(ref input, out StompFrame read).Should().Be(StompParseResult.Frame);

        StompConnect.TryRead(read, out StompConnect connect, out _).Should().BeTrue();
        Encoding.UTF8.GetString(connect.Passcode).Should().Be(passcode);
    }
}
