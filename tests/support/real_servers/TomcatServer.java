// The replies of replies.py, given by Tomcat: TomcatServer HTTP TLS IDLE CERTIFICATE FOLDER
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;

public class TomcatServer {
  static final String TEXT = "{\"a\": \"\u017dofie\"}";
  static final byte[] BODY = TEXT.getBytes(StandardCharsets.UTF_8);

  static class Replies extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
      String path = request.getPathInfo();
      if (path.equals("/own/small")) { // answers before it has read the body, then closes
        response.sendError(413);
        return;
      }
      request.getInputStream().readAllBytes();
      response.setContentType("application/json");
      byte[] body = BODY;
      switch (path) {
        case "/plain" -> { }
        case "/port" -> response.setHeader("X-Port", "" + request.getRemotePort());
        case "/chunked" -> {
          response.getOutputStream().write(BODY, 0, 5);
          response.flushBuffer();
          response.getOutputStream().write(BODY, 5, BODY.length - 5);
          return;
        }
        case "/utf-8-header" -> response.setHeader(
            "X-Name", new String("\u017dofie".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
        case "/latin-1-header" -> response.setHeader("X-Name", "M\u00fcller");
        case "/many-headers" -> {
          for (int number = 0; number < 150; number++) response.setHeader("X-Number-" + number, "" + number);
        }
        case "/long-header" -> response.setHeader("X-Long", "a".repeat(30000));
        case "/two-headers" -> {
          response.addHeader("Set-Cookie", "a=1");
          response.addHeader("Set-Cookie", "b=2");
        }
        case "/latin-2" -> {
          response.setContentType("text/xml; charset=ISO-8859-2");
          body = "<a>\u017dofie Kv\u00edtkov\u00e1</a>".getBytes(Charset.forName("ISO-8859-2"));
        }
        case "/utf-16" -> {
          response.setContentType("application/json; charset=utf-16");
          body = TEXT.getBytes(StandardCharsets.UTF_16);
        }
        case "/byte-order-mark" -> body = ("\ufeff" + TEXT).getBytes(StandardCharsets.UTF_8);
        case "/packed" -> {
          response.setHeader("Content-Encoding", "gzip");
          var packed = new ByteArrayOutputStream();
          try (var writer = new GZIPOutputStream(packed)) { writer.write(BODY); }
          body = packed.toByteArray();
        }
        case "/no-coding" -> response.setHeader("Content-Encoding", "UTF-8");
        case "/empty" -> body = new byte[0];
        case "/close" -> response.setHeader("Connection", "close");
        case "/large" -> body = "a".repeat(999999).getBytes();
        case "/too-large" -> body = "a".repeat(1500000).getBytes();
        case "/own/writer" -> { // writes text, in the charset that Tomcat chooses
          response.getWriter().write("{\"a\": \"M\u00fcller\"}");
          return;
        }
        case "/own/error" -> throw new IllegalStateException("no");
        case "/own/send-error" -> { response.sendError(409, "M\u00fcller"); return; }
        case "/own/moved" -> { response.sendRedirect("/plain"); return; }
        case "/own/trailer" -> {
          response.setTrailerFields(() -> Map.of("X-Sum", "1"));
          response.getOutputStream().write(BODY);
          return;
        }
        default -> {
          if (!path.matches("/\\d{3}")) { response.sendError(404); return; }
          response.setStatus(Integer.parseInt(path.substring(1)));
          response.setHeader("Location", "/plain");
          response.setHeader("Retry-After", "30");
          if (path.matches("/204|/304")) return;
        }
      }
      response.setContentLength(body.length);
      response.getOutputStream().write(body);
    }
  }

  static Connector connector(String port, String keepAlive) {
    var connector = new Connector();
    connector.setPort(Integer.parseInt(port));
    connector.setProperty("address", "127.0.0.1");
    connector.setProperty("keepAliveTimeout", keepAlive);
    connector.setProperty("maxKeepAliveRequests", "-1");
    connector.setProperty("maxHttpResponseHeaderSize", "65536");
    connector.setProperty("maxSwallowSize", "1000");
    connector.setProperty("minSpareThreads", "2");
    connector.setProperty("compression", "on");
    connector.setProperty("compressionMinSize", "1");
    return connector;
  }

  public static void main(String[] given) throws Exception {
    var tomcat = new Tomcat();
    tomcat.setBaseDir(given[4]);
    tomcat.setSilent(true);
    var secure = connector(given[1], "10000");
    secure.setScheme("https");
    secure.setSecure(true);
    secure.setProperty("SSLEnabled", "true");
    var host = new SSLHostConfig();
    var certificate = new SSLHostConfigCertificate(host, SSLHostConfigCertificate.Type.EC);
    certificate.setCertificateFile(given[3]);
    certificate.setCertificateKeyFile(given[3]);
    host.addCertificate(certificate);
    secure.addSslHostConfig(host);
    tomcat.setConnector(connector(given[0], "10000"));
    tomcat.getService().addConnector(secure);
    tomcat.getService().addConnector(connector(given[2], "100"));
    var context = tomcat.addContext("", null);
    Tomcat.addServlet(context, "replies", new Replies());
    context.addServletMappingDecoded("/*", "replies");
    tomcat.start();
    tomcat.getServer().await();
  }
}
