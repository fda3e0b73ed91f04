/** Responses that the proxy gives by itself. They always end the connection. */

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly text: string;
  /** Default `text/plain`. */
  readonly html?: boolean;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  408: "Request Timeout",
  414: "URI Too Long",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

/** @param method of the request; a HEAD gets no body (RFC 9110 §9.3.2). */
export function formatAnswer(answer: Pick<Answer, "status" | "text" | "html">, method = "GET"): Buffer {
  const body = Buffer.from(answer.text, "utf8");
  const head =
    `HTTP/1.1 ${answer.status} ${REASONS[answer.status] ?? "Error"}\r\n` +
    `Content-Type: text/${answer.html === true ? "html" : "plain"}; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  return method === "HEAD" ? Buffer.from(head, "latin1") : Buffer.concat([Buffer.from(head, "latin1"), body]);
}
