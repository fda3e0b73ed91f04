/** Our own certificate authority: X.509 (RFC 5280) with ECDSA P-256, made in memory with WebCrypto. */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded before itself
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Certificate } from "../../core/host/certificate.ts";
import { CERTIFICATE_AUTHORITY_DAYS, CERTIFICATE_BACKDATE_MS, CERTIFICATE_DAYS } from "../../core/limits.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 24 * 60 * 60_000;

/** A new authority. @param now milliseconds since the epoch */
export async function makeAuthority(now: number): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  return { cert: await selfSigned(keys, now), key: await privateKeyPem(keys.privateKey) };
}

/** The same authority for another CERTIFICATE_AUTHORITY_DAYS: with the same key, so all it signed stays valid. */
export async function renewAuthority(authority: Certificate, now: number): Promise<Certificate> {
  const privateKey = await importPrivateKey(authority.key);
  const publicKey = await new X509Certificate(authority.cert).publicKey.export(ALGORITHM, ["verify"]);
  return { cert: await selfSigned({ privateKey, publicKey }, now), key: authority.key };
}

/** A server's certificate. @param names DNS names, the first of which becomes the common name */
export async function issueServer(authority: Certificate, names: readonly string[], now: number): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const issuer = new X509Certificate(authority.cert);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${names[0] ?? ""}`,
    issuer: issuer.subject,
    ...validity(now, CERTIFICATE_DAYS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key: await privateKeyPem(keys.privateKey) };
}

async function selfSigned(keys: CryptoKeyPair, now: number): Promise<string> {
  const extensions: Extension[] = [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=azds-ca",
    ...validity(now, CERTIFICATE_AUTHORITY_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions,
  });
  return `${certificate.toString("pem")}\n`;
}

function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - CERTIFICATE_BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive and below 20 octets (RFC 5280 §4.1.2.2), in hexadecimal. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

async function importPrivateKey(pem: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(pem), ALGORITHM, false, ["sign"]);
}
