/**
 * Ports whose protocols are never HTTP, and mostly have the server speak first: connections to them are relayed
 * without a look (IANA service names, and the defaults of products that registered none).
 */
const OPAQUE_PORTS: ReadonlySet<number> = new Set([
  22, // SSH
  25, // SMTP
  587, // SMTP submission
  1433, // SQL Server
  1521, // Oracle
  2181, // ZooKeeper
  3306, // MySQL
  4222, // NATS
  5432, // PostgreSQL
  5671, // AMQP over TLS
  5672, // AMQP
  6379, // Redis
  9042, // Cassandra
  9092, // Kafka
  11211, // memcached
  27017, // MongoDB
]);

/** Whether a port without a declared protocol is relayed without looking at its first bytes. */
export function isOpaquePort(port: number): boolean {
  return OPAQUE_PORTS.has(port);
}
