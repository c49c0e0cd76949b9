export const metadata = { metadataBase: new URL("https://booking-site.replit.app") };

export default function Layout({ children }: { children: React.ReactNode }) {
  return <html lang="en"><body>{children}</body></html>;
}
