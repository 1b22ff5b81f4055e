using System.Text;
using Broker.Stomp;

namespace Broker.Tests.Stomp;

/// <summary>
/// "Header escaping as each version has it" and "No value, name or subscription id can smuggle a header or a frame" (section 2).
/// </summary>
public class HeaderEscapingTests
{
    [Theory]
    [InlineData(StompVersion.V10, false, "a:b\\c\r\nd\0", "a:b\\c  d ")]
    [InlineData(StompVersion.V10, true, "a:b\\c\r\nd\0", "a b\\c  d ")]
    [InlineData(StompVersion.V11, false, "a:b\\c\r\nd\0", "a\\cb\\\\c \\nd ")]
    [InlineData(StompVersion.V11, true, "a:b\\c\r\nd\0", "a\\cb\\\\c \\nd ")]
    [InlineData(StompVersion.V12, false, "a:b\\c\r\nd\0", "a\\cb\\\\c\\r\\nd ")]
    [InlineData(StompVersion.V12, true, "a:b\\c\r\nd\0", "a\\cb\\\\c\\r\\nd ")]
    [InlineData(StompVersion.V12, false, "", "")]
    [InlineData(StompVersion.V12, false, "grün €", "grün €")]
    public void Each_version_escapes_what_it_can_and_the_rest_becomes_a_space(
        StompVersion version, bool isName, string decoded, string wire)
    {
        Escape(version, decoded, isName).Should().Be(wire);
        HeaderEscaping.NeedsEscaping(version, Encoding.UTF8.GetBytes(decoded), isName).Should().Be(decoded != wire);
    }

    [Theory]
    [InlineData(StompVersion.V10, "\\n\\c\\\\\\r\\t\\", "\\n\\c\\\\\\r\\t\\")]
    [InlineData(StompVersion.V11, "\\n\\c\\\\", "\n:\\")]
    [InlineData(StompVersion.V12, "\\r\\n\\c\\\\", "\r\n:\\")]
    [InlineData(StompVersion.V12, "\\\\n", "\\n")]
    [InlineData(StompVersion.V12, "plain", "plain")]
    public void Each_version_unescapes_what_it_defines(StompVersion version, string wire, string decoded) =>
        Unescape(version, wire).Should().Be(decoded);

    [Theory]
    [InlineData(StompVersion.V11, "\\r")]
    [InlineData(StompVersion.V11, "\\t")]
    [InlineData(StompVersion.V12, "\\t")]
    [InlineData(StompVersion.V12, "a\\")]
    [InlineData(StompVersion.V12, "\\N")]
    [InlineData(StompVersion.V12, "\\\\\\")]
    [InlineData(StompVersion.V12, "\\ ")]
    public void An_escape_that_the_version_does_not_define_is_refused(StompVersion version, string wire) =>
        Unescape(version, wire).Should().BeNull();

    [Fact]
    public void What_a_version_can_express_survives_the_way_there_and_back()
    {
        var random = new Random(7);
        for (int round = 0; round < 2000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => "\r\n:\\ncr ax€"[random.Next(10)]));
            Unescape(StompVersion.V12, Escape(StompVersion.V12, text, false)).Should().Be(text);
            string withoutCr = text.Replace('\r', ' ');
            Unescape(StompVersion.V11, Escape(StompVersion.V11, text, true)).Should().Be(withoutCr);
            Unescape(StompVersion.V10, Escape(StompVersion.V10, text, false)).Should().Be(withoutCr.Replace('\n', ' '));
        }
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a:b\\c%d", "a%3Ab%5Cc%25d")]
    [InlineData("a\r\n\0\u007f\u001f", "a%0D%0A%00%7F%1F")]
    [InlineData("grün €", "grün €")]
    public void A_user_name_in_CONNECTED_is_percent_encoded(string value, string wire)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        byte[] destination = new byte[3 * bytes.Length];

        int written = HeaderEscaping.PercentEncode(bytes, destination);

        Encoding.UTF8.GetString(destination, 0, written).Should().Be(wire);
    }

    private static string Escape(StompVersion version, string decoded, bool isName)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(decoded);
        byte[] destination = new byte[2 * bytes.Length];
        return Encoding.UTF8.GetString(destination, 0, HeaderEscaping.Escape(version, bytes, destination, isName));
    }

    private static string? Unescape(StompVersion version, string wire)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(wire);
        byte[] destination = new byte[bytes.Length];
        bool defined = HeaderEscaping.TryUnescape(version, bytes, destination, out int written);
        return defined ? Encoding.UTF8.GetString(destination, 0, written) : null;
    }
}
