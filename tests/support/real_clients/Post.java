// Posts each file as an event with Java's HttpClient: Post URL TOKEN FILE...
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;

public class Post {
  public static void main(String[] given) throws Exception {
    var client = HttpClient.newHttpClient(); // asks for HTTP/2 with an upgrade
    for (int number = 2; number < given.length; number++) {
      var request = HttpRequest.newBuilder(URI.create(given[0]))
          .header("Authorization", "Bearer " + given[1])
          .header("Content-Type", "application/json")
          .POST(BodyPublishers.ofFile(Path.of(given[number])));
      var answer = client.send(request.build(), BodyHandlers.ofString());
      System.out.println(answer.statusCode() + " " + answer.body());
    }
  }
}
