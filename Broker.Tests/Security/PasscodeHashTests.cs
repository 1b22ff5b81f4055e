using Broker.Security;

namespace Broker.Tests.Security;

public class PasscodeHashTests
{
    // PBKDF2-HMAC-SHA256 of "passcode", computed with Python's hashlib: salt 00 01 .. 0f, 10,000 iterations.
    private const string Known = "pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=";

    [Fact]
    public void A_hash_of_another_implementation_is_understood()
    {
        PasscodeHash.TryParse(Known, out PasscodeHash? hash).Should().BeTrue();
        hash!.Iterations.Should().Be(10_000);
        hash.Verify("passcode").Should().BeTrue();
        hash.Verify("Passcode").Should().BeFalse();
        hash.Verify("").Should().BeFalse();
        hash.Format().Should().Be(Known);
    }

    [Fact]
    public void What_was_created_verifies_after_being_written_and_read()
    {
        PasscodeHash.TryParse(PasscodeHash.Create("grüße 🙂", PasscodeHash.MinIterations).Format(), out PasscodeHash? hash).Should().BeTrue();
        hash!.Verify("grüße 🙂").Should().BeTrue();
        hash.Verify("grüße").Should().BeFalse();
    }

    [Fact]
    public void The_same_passcode_never_has_the_same_hash() =>
        PasscodeHash.Create("a", PasscodeHash.MinIterations).Format().Should().NotBe(PasscodeHash.Create("a", PasscodeHash.MinIterations).Format());

    [Fact]
    public void A_decoy_has_the_form_of_a_hash_and_its_cost()
    {
        PasscodeHash decoy = PasscodeHash.Decoy(12_345);
        PasscodeHash.TryParse(decoy.Format(), out PasscodeHash? parsed).Should().BeTrue();
        parsed!.Iterations.Should().Be(12_345);
        decoy.Verify("").Should().BeFalse();
    }

    [Fact]
    public void A_hash_does_not_show_itself_in_a_log() =>
        $"{PasscodeHash.Decoy(10_000)}".Should().NotContain("$");

    [Fact]
    public void Every_truncation_of_a_hash_is_refused()
    {
        for (int length = 0; length < Known.Length; length++)
            PasscodeHash.TryParse(Known[..length], out _).Should().BeFalse();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("passcode")]
    [InlineData("$$$")]
    [InlineData("pbkdf2-sha512$10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("PBKDF2-SHA256$10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$9999$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000001$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$99999999999$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$-10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$+10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$010000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10,000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0O$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODxA=$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODx==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcI CQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=\n")]
    [InlineData(" pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=")]
    [InlineData("pbkdf2-sha256$10000$AAECAwQFBgcICQoLDA0ODw==$e1wwz6/BeAaBGZH9fI089w0YOIJazKxSLfIRx7Wypn4=$")]
    public void What_is_not_exactly_of_the_form_is_refused(string? text) => PasscodeHash.TryParse(text, out _).Should().BeFalse();
}
