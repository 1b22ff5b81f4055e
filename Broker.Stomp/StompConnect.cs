namespace Broker.Stomp;

/// <summary>What a CONNECT frame says: a view over the frame, valid as long as that. STOMP 1.2, "Connecting".</summary>
public readonly ref struct StompConnect
{
    private StompConnect(StompHeaders headers, StompVersion version, HeartBeat heartBeat)
    {
        Version = version;
        HeartBeat = heartBeat;
        HasLogin = headers.TryGet(HeaderNames.Login, out ReadOnlySpan<byte> login);
        HasPasscode = headers.TryGet(HeaderNames.Passcode, out ReadOnlySpan<byte> passcode);
        headers.TryGet(HeaderNames.Host, out ReadOnlySpan<byte> host);
        headers.TryGet(HeaderNames.ClientId, out ReadOnlySpan<byte> clientId);
        Login = login;
        Passcode = passcode;
        Host = host;
        ClientId = clientId;
    }

    /// <summary>The highest version that both sides speak; 1.0 when the client named none.</summary>
    public StompVersion Version { get; }

    /// <summary>What the client offers and wants; 0,0 when it did not say.</summary>
    public HeartBeat HeartBeat { get; }

    /// <summary>Whether the client gave a user name, be it an empty one.</summary>
    public bool HasLogin { get; }

    /// <summary>Whether the client gave a password, be it an empty one.</summary>
    public bool HasPasscode { get; }

    /// <summary>The user name; empty when none was given.</summary>
    public ReadOnlySpan<byte> Login { get; }

    /// <summary>The password; empty when none was given.</summary>
    public ReadOnlySpan<byte> Passcode { get; }

    /// <summary>The virtual host asked for; empty when none was given.</summary>
    public ReadOnlySpan<byte> Host { get; }

    /// <summary>The client's part of a durable subscription's identity; empty when none was given.</summary>
    public ReadOnlySpan<byte> ClientId { get; }

    /// <summary>
    /// Reads a CONNECT frame. False with <see cref="StompError.NotConnected"/> for another command, <see
    /// cref="StompError.NoCommonVersion"/>, or <see cref="StompError.BadHeartBeat"/>.
    /// </summary>
    public static bool TryRead(scoped in StompFrame frame, out StompConnect connect, out StompError error)
    {
        connect = default;
        StompVersion version = StompVersion.V10;
        HeartBeat heartBeat = default;
        if (frame.Command != StompCommand.Connect)
            error = StompError.NotConnected;
        else if (frame.Headers.TryGet(HeaderNames.AcceptVersion, out ReadOnlySpan<byte> versions) && !TryChoose(versions, out version))
            error = StompError.NoCommonVersion;
        else if (frame.Headers.TryGet(HeaderNames.HeartBeat, out ReadOnlySpan<byte> value) && !HeartBeat.TryParse(value, out heartBeat))
            error = StompError.BadHeartBeat;
        else
        {
            connect = new StompConnect(frame.Headers, version, heartBeat);
            error = StompError.None;
        }
        return error == StompError.None;
    }

    private static bool TryChoose(ReadOnlySpan<byte> versions, out StompVersion version)
    {
        bool found = false;
        version = StompVersion.V10;
        foreach (Range part in versions.Split((byte)','))
        {
            ReadOnlySpan<byte> name = versions[part].Trim((byte)' ');
            if (name.Length != 3 || !name.StartsWith("1."u8) || name[2] is < (byte)'0' or > (byte)'2')
                continue;
            found = true;
            version = (StompVersion)Math.Max((int)version, name[2] - '0');
        }
        return found;
    }
}
