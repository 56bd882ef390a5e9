import { errorFrame } from './frames.ts'

/** "Policy violation", with which the reference ends a stream after an error frame. */
const POLICY = 1008

/** Ends a subscription with an error frame. */
export const endSubscription = (socket: WebSocket, error: string, message: string): void => {
  socket.send(errorFrame(error, message))
  socket.close(POLICY, error)
}

/**
 * The same, from the answer that the error would have been over HTTP. Accepted here and now: a socket that
 * hibernates keeps its connection for a while after it has closed.
 */
export const refuseSubscription = async (socket: WebSocket, answer: Response): Promise<void> => {
  const { error, message }: { error: string; message: string } = await answer.json()
  socket.accept()
  endSubscription(socket, error, message)
}
