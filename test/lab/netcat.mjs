// `nc -U SOCKET` for machines without one: joins standard input and output to a unix socket.
import { connect } from "node:net";

const socket = connect(process.argv[2]);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
