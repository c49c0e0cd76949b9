/** @type {import('next').NextConfig} */
export default {
  allowedDevOrigins: ["*.replit.dev"], // and not *.replit.app
};
