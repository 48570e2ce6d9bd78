// Package websocket adds WebSockets (RFC 6455) to an app: conversations of typed messages,
// on github.com/fasthttp/websocket.
//
//	var room = websocket.New[message, event](websocket.Options{})
//
//	func enter(ctx context.Context, in join) (*websocket.Response, error) {
//		return room.Upgrade(ctx, func(conn *websocket.Conn[message, event]) error {
//			for {
//				m, err := conn.Receive(ctx)
//				if err != nil {
//					return err
//				}
//				if err := conn.Send(ctx, event{in.Name, m.Text}); err != nil {
//					return err
//				}
//			}
//		})
//	}
//
// The handler is one as any other: its input is read, and whoever it needs to know provided,
// before the connection becomes a WebSocket, and what is wrong is answered as usual.
package websocket
