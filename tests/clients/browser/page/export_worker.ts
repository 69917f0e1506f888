import { type Order, Transfer } from "./transfer.js";

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  const transfer = new Transfer(data);
  postMessage({ ended: await transfer.ended, standing: transfer.standing });
};
