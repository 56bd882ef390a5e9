import { errorFrame } from './frames.ts'

/** The code "Policy violation", with which the reference closes a stream after an error frame. */
const CLOSE_POLICY_VIOLATION = 1008

/** Ends a subscription with an error frame. */
export const endSubscription = (socket: WebSocket, error: string, message: string): void => {
  socket.send(errorFrame(error, message))
  socket.close(CLOSE_POLICY_VIOLATION, error)
}

/**
 * Ends a subscription with the error that `answer` would be over HTTP. The socket is accepted here, not by the
 * hibernation API: a socket that hibernates keeps its connection for a while after it has closed.
 */
export const refuseSubscription = async (socket: WebSocket, answer: Response): Promise<void> => {
  const { error, message }: { error: string; message: string } = await answer.json()
  socket.accept()
  endSubscription(socket, error, message)
}
