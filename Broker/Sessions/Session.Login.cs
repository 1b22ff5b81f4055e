using System.Text;
using Broker.Security;
using Broker.Stomp;

namespace Broker.Sessions;

// CONNECT, and who it is.
internal sealed partial class Session
{
    private string? _login;
    private string? _passcode;
    private byte[] _userId = [];
    private StompVersion _connectVersion;
    private HeartBeat _heartBeat;

    private Step HandleConnect(in StompFrame frame)
    {
        if (!StompConnect.TryRead(frame, out StompConnect connect, out StompError error))
            return Fail(error, receipt: null);
        _login = connect.HasLogin ? Encoding.UTF8.GetString(connect.Login) : null;
        _passcode = connect.HasPasscode ? Encoding.UTF8.GetString(connect.Passcode) : null;
        _connectVersion = connect.Version;
        _heartBeat = HeartBeat.Negotiate(connect.HeartBeat, _environment.HeartBeat);
        return Step.Login;
    }

    private async Task LoginAsync()
    {
        Authentication who;
        try
        {
            who = await AuthenticateAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return; // the session ended meanwhile
        }

        _passcode = null;
        if (!who.Accepted)
        {
            Fail(StompError.LoginFailed, receipt: null);
            return;
        }

        UserName = who.UserName;
        _userId = who.UserName is null ? [] : Encoding.UTF8.GetBytes(who.UserName);
        _parser.Version = _connectVersion;
        _parser.FrameBytes = _environment.Limits.FrameBytes;
        _state = State.Connected;
        _clock.Beats = _heartBeat;
        LogConnected(Id, UserName, Peer, Encoding.ASCII.GetString(ReplyWriter.Text(_connectVersion)));
        Outbox.EnqueueStomp(ReplyWriter.Connected(_connectVersion, Id, _environment.HeartBeat, UserName), 1, _publisher.Dirty);
        _clock.IsLoggedIn = true;
    }

    // Credentials in CONNECT come first, where there are users to check them against; then who the HTTP request was.
    private ValueTask<Authentication> AuthenticateAsync() =>
        _principal is not null && (_environment.Users.AcceptAnyLogin || string.IsNullOrEmpty(_login))
            ? new(Authentication.As(_principal))
            : _environment.Users.AuthenticateAsync(_login, _passcode, _environment.Users.AcceptAnyLogin ? CancellationToken.None : Ending);
}
